"""The files of the world's name server: pure text from a layout, the outside exchanger's key and the tenants' places.

The root and `test.` are served so that a name nobody has is NXDOMAIN and no question ever leaves for the real internet.
"""

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence

from world.layout import IPV6_DOMAIN, MX6_NAME, MX_NAME, SELECTOR, SHARED_NAME, Layout
from world.places import TenantPlace

FOLDER = "/etc/unbound/world"
TTL = 60
# A well-formed key that signs nothing: signatures in the name of wrongkey.test must fail.
_UNRELATED_KEY = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDC3cgp08LRwprrqR6AgyDz2K7u4kUlNyAs6zUtPb8NswDRRIV958+RvhCg1pQWqYD3TA7h0nyiVaqRK7xk"
    "g/ewSi3iZptjpgtvKBHqQ5WfbbgRB1xuz+Rh1AldYNgKh5yJt1P8eLhqPkFmu3qyq/18cnDlZVwVSafI9BnfsMkO1QIDAQAB"
)


def files(
    layout: Layout, public_key: str, places: Sequence[TenantPlace], extra: Mapping[str, Sequence[str]] | None = None
) -> dict[str, str]:
    """File name → content: `unbound.conf` and one zone file a zone. `extra`: zone → lines, of zones that may change."""
    extra = extra or {}
    zones = {
        **_roots(layout, places, extra),
        **_mail_domains(layout, public_key),
        **extra,
        layout.reverse_zone: _reverse(layout, places),
    }
    if layout.reverse_zone6 is not None:
        zones[layout.reverse_zone6] = _reverse6(layout, places)
    texts = {file_name(name): zone_text(name, lines) for name, lines in zones.items()}
    texts["unbound.conf"] = _configuration(layout, list(zones), places)
    return texts


def _roots(layout: Layout, places: Sequence[TenantPlace], extra: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The root, and `test.` with the delegations to the tenants."""
    here = f"ns.elsewhere.test. A {layout.dns}"
    test = [here, *(f"{name}. NS ns.elsewhere.test." for name in [*_mail_domains(layout, ""), *extra])]
    for place in places:
        test += [f"{zone}. NS {place.host}." for zone in place.zones if zone.endswith(".test")]
        # A host whose zone nobody here serves still has its address, and a delegation needs it as glue.
        if place.host.endswith(".test"):
            test.append(f"{place.host}. A {place.address}")
            test += [f"{place.host}. AAAA {place.address6}"] if place.address6 else []
    return {".": ["test. NS ns.elsewhere.test.", here], "test": test}


def _mail_domains(layout: Layout, public_key: str) -> dict[str, list[str]]:
    """The outside world's domains: one in order, and one for each way to be out of order."""
    key = f"{SELECTOR}._domainkey TXT {quoted(f'v=DKIM1; k=rsa; p={public_key}')}"
    mx = f"@ MX 10 {MX_NAME}."
    in_ipv6 = {} if layout.mx6 is None else {IPV6_DOMAIN: [f"@ MX 10 {MX6_NAME}."]}
    return {
        **in_ipv6,
        # All in order.
        "elsewhere.test": [
            mx,
            f"mx A {layout.mx}",
            *([f"mx AAAA {layout.mx6}", f"mx6 AAAA {layout.mx6}"] if layout.mx6 else []),
            f"ns A {layout.dns}",
            f"silent A {layout.silent}",
            f"closed A {layout.dns}",
            f"@ TXT {quoted('v=spf1 mx -all')}",
            f"mx TXT {quoted('v=spf1 a -all')}",
            key,
            f"_dmarc TXT {quoted('v=DMARC1; p=none')}",
        ],
        # In order, and asks receivers to reject what does not pass, with strict alignment.
        "strict.test": [
            mx,
            f"@ TXT {quoted('v=spf1 mx -all')}",
            key,
            f"_dmarc TXT {quoted('v=DMARC1; p=reject; adkim=s; aspf=s')}",
        ],
        # Its SPF does not list the exchanger that sends for it, and nothing signs: SPF and DMARC fail.
        "unlisted.test": [mx, f"@ TXT {quoted('v=spf1 -all')}", f"_dmarc TXT {quoted('v=DMARC1; p=none')}"],
        # Its published key is not the one that signs: DKIM fails.
        "wrongkey.test": [
            mx,
            f"@ TXT {quoted('v=spf1 mx -all')}",
            f"{SELECTOR}._domainkey TXT {quoted(f'v=DKIM1; k=rsa; p={_UNRELATED_KEY}')}",
            f"_dmarc TXT {quoted('v=DMARC1; p=quarantine')}",
        ],
        # Two SPF records: a permanent error (RFC 7208 §4.5).
        "doublespf.test": [mx, f"@ TXT {quoted('v=spf1 mx -all')}", f"@ TXT {quoted('v=spf1 a -all')}"],
        # Exists, and has no record at all.
        "bare.test": [],
        # Says that it takes no mail (RFC 7505).
        "nullmx.test": ["@ MX 0 ."],
        # Its exchanger never answers.
        "dead.test": ["@ MX 10 silent.elsewhere.test."],
        # Its exchanger's port is closed.
        "refused.test": ["@ MX 10 closed.elsewhere.test."],
    }


def _reverse(layout: Layout, places: Sequence[TenantPlace]) -> list[str]:
    names = {
        layout.mx: MX_NAME,
        layout.dns: "ns.elsewhere.test",
        layout.shared: SHARED_NAME,
        **{place.address: place.host for place in places},
    }
    return [f"{ipaddress.IPv4Address(address).reverse_pointer}. PTR {name}." for address, name in names.items()]


def _reverse6(layout: Layout, places: Sequence[TenantPlace]) -> list[str]:
    names = {layout.mx6: MX_NAME, **{place.address6: place.host for place in places}}
    return [f"{ipaddress.IPv6Address(six).reverse_pointer}. PTR {name}." for six, name in names.items() if six]


def zone_text(name: str, lines: Sequence[str]) -> str:
    """A zone file; its serial follows from the lines."""
    origin = "." if name == "." else f"{name}."
    serial = int.from_bytes(hashlib.sha256("\n".join(lines).encode()).digest()[:4], "big") or 1
    head = [
        f"$ORIGIN {origin}",
        f"$TTL {TTL}",
        f"@ SOA ns.elsewhere.test. hostmaster.elsewhere.test. {serial} 3600 600 86400 1",
        "@ NS ns.elsewhere.test.",
    ]
    return "\n".join([*head, *lines]) + "\n"


def file_name(zone: str) -> str:
    """Where a zone lies below `FOLDER`."""
    return "root.zone" if zone == "." else f"{zone}.zone"


def quoted(text: str) -> str:
    """One TXT record; a string of it holds at most 255 octets."""
    return " ".join(f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))


def _configuration(layout: Layout, zones: Sequence[str], places: Sequence[TenantPlace]) -> str:
    blocks = [_SERVER.format(folder=FOLDER, subnet=layout.subnet)]
    for zone in zones:
        # Zones without delegations are answered with authority; below the others the answer comes by following.
        downstream = "no" if zone in (".", "test") else "yes"
        blocks.append(_AUTH.format(zone=zone.rstrip(".") + ".", file=file_name(zone), downstream=downstream))
    for place in places:
        blocks += [_STUB.format(zone=zone, address=place.address) for zone in place.zones]
    return "\n".join(blocks)


_SERVER = """\
server:
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    log-servfail: yes
    interface: 0.0.0.0
    do-ip6: no
    access-control: {subnet} allow
    access-control: 127.0.0.0/8 allow
    # This internet has no DNSSEC.
    module-config: "iterator"
    num-threads: 1
    msg-cache-size: 1m
    rrset-cache-size: 2m
    key-cache-size: 64k
    neg-cache-size: 64k
    # A change in a tenant's zone is seen at once, and a tenant that was down is asked again at once.
    cache-max-ttl: 1
    cache-max-negative-ttl: 1
    infra-host-ttl: 1
    infra-keep-probing: yes
    # Names that unbound answers by itself elsewhere are real here.
    local-zone: "test." nodefault
    unblock-lan-zones: yes
    insecure-lan-zones: yes
    qname-minimisation: no
    target-fetch-policy: "0 0 0 0 0"
remote-control:
    control-enable: yes
    control-interface: /run/unbound.ctl
    control-use-cert: no
"""

_AUTH = """\
auth-zone:
    name: "{zone}"
    zonefile: "{file}"
    for-downstream: {downstream}
    for-upstream: yes
    fallback-enabled: no
"""

_STUB = """\
stub-zone:
    name: "{zone}."
    stub-addr: {address}
    stub-no-cache: yes
"""
