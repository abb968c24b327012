"""A zone that the tenant serves itself: adopted from a file, through the phases and back by real `pulumi up`s."""

from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype

from mailtenant.settings.existing import PHASES
from tests.world.tenants import RunningTenant

OLD_ZONE = """$TTL 3600
@ 14400 MX 10 mx1.oldhost.example.
@ 14400 MX 20 mx2.oldhost.example.
@ TXT "v=spf1 include:_spf.oldhost.example -all"
@ TXT "google-site-verification=abc"
www A 192.0.2.80
_dmarc 600 TXT "v=DMARC1; p=reject; rua=mailto:d@beta.test"
old._domainkey TXT "v=DKIM1; p=MIGfMA0"
"""
ASKED = [
    ("beta.test", "MX"), ("beta.test", "TXT"), ("www.beta.test", "A"), ("_dmarc.beta.test", "TXT"),
    ("old._domainkey.beta.test", "TXT"), ("_imaps._tcp.beta.test", "SRV"),
]  # fmt: skip


def signing_key(tenant: RunningTenant) -> str:
    return f"{tenant.settings.domains[0].active_selector}._domainkey.{tenant.domain}"


def published(tenant: RunningTenant) -> dict[tuple[str, str], list[str]]:
    found = {}
    for name, type_ in [*ASKED, (signing_key(tenant), "TXT")]:
        query = dns.message.make_query(name, type_)
        answer = dns.query.udp_with_fallback(query, str(tenant.settings.edge.address), timeout=10)[0].answer
        sets = [one for one in answer if one.rdtype == dns.rdatatype.from_text(type_)]
        found[name, type_] = sorted(f"{one.ttl} {rdata.to_text()}" for one in sets for rdata in one)
    return found


def zone_file(tenant: RunningTenant) -> str:
    """The zone as the tenant's name server holds it, to the byte."""
    return tenant.execute("dns", "sh", "-c", f"cat /etc/nsd/mailtenant/zones/{tenant.domain}*")


def step(tenant: RunningTenant, phase: str) -> None:
    tenant.cli("dns", "phase", tenant.label, phase, *(["--now"] if phase in PHASES[2:] else []))
    tenant.up()


def nothing_to_do(tenant: RunningTenant) -> None:
    assert tenant.pulumi("preview", "--expect-no-changes", check=False).returncode == 0


def back(tenant: RunningTenant, snapshot: object, whole: str) -> None:
    step(tenant, "adopted")
    assert published(tenant) == snapshot and zone_file(tenant) == whole


def test_through_the_phases_and_back(beta: RunningTenant, tmp_path: Path) -> None:
    start, key = beta.stack_file.read_text(), signing_key(beta)
    file = tmp_path / "beta.test.zone"
    file.write_text(OLD_ZONE)
    try:
        said = beta.cli("dns", "adopt", "beta", "--domain", "beta.test", "--from-file", str(file)).stdout
        assert "7 records found, 4 in our places, 3 of others" in said
        beta.up()
        snapshot = published(beta)
        assert snapshot["beta.test", "MX"] == ["14400 10 mx1.oldhost.example.", "14400 20 mx2.oldhost.example."]
        assert snapshot[key, "TXT"] == [] == snapshot["_imaps._tcp.beta.test", "SRV"]

        whole = zone_file(beta)
        assert "mx1.oldhost.example." in whole

        refused = beta.cli("dns", "phase", "beta", "cutover", check=False)
        assert refused.returncode == 1 and "the next one is `additive`" in refused.stderr
        beta.cli("dns", "phase", "beta", "additive")
        beta.up()
        additive = published(beta)
        assert additive["beta.test", "MX"] == ["300 10 mx1.oldhost.example.", "300 20 mx2.oldhost.example."]
        assert any("include:_spf.oldhost.example" in text and beta.settings.host in text
                   for text in additive["beta.test", "TXT"])  # fmt: skip
        assert "v=DKIM1" in "".join(additive[key, "TXT"])
        nothing_to_do(beta)
        early = beta.cli("dns", "phase", "beta", "cutover", check=False)
        assert early.returncode == 1 and "wait until" in early.stderr and "may be remembered" in early.stderr

        back(beta, snapshot, whole)
        for reached in PHASES[2:]:
            step(beta, "additive")
            for phase in PHASES[2 : PHASES.index(reached) + 1]:
                step(beta, phase)
            now = published(beta)
            assert [value.split(" ", 1)[1] for value in now["beta.test", "MX"]] == [f"10 {beta.settings.host}."]
            assert now["old._domainkey.beta.test", "TXT"] == snapshot["old._domainkey.beta.test", "TXT"]
            assert now["www.beta.test", "A"] == snapshot["www.beta.test", "A"]
            assert all("p=reject" in text for text in now["_dmarc.beta.test", "TXT"])
            nothing_to_do(beta)
            back(beta, snapshot, whole)
    finally:
        beta.stack_file.write_text(start)
        beta.up()
