"""DMARC records, valid for readers of RFC 7489 and of RFC 9989: never weakened, old report addresses kept."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mailtenant.dns.dkim import tags
from mailtenant.dns.records import Record
from mailtenant.dns.zone_view import ZoneView

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings

POLICIES: Final = ("none", "quarantine", "reject")
"""From weak to strong."""
GONE: Final = ("pct", "rf", "ri")
"""Tags of RFC 7489 that RFC 9989 took away: read, not written (DMARC-3)."""


def dmarc_record(view: ZoneView) -> Record:
    """The domain's one DMARC record.

    Before the domain is settled the policy is the old one, or `none`: mail of the old host must not fail for ours.
    """
    settings, name = view.settings, f"_dmarc.{view.name}"
    reason = "what receivers do with mail that fails both SPF and DKIM"
    reports = [str(address) for address in settings.dmarc.reports]
    held = view.old(name, "TXT", "DMARC1")
    wished = settings.dmarc.policy if view.settled or not view.adopted else "none"
    if not held:
        return view.record(name, "TXT", dmarc_text(wished, reports), reason)
    return view.record(name, "TXT", merged(held[0].value, wished, reports), f"{reason}; at least as strict as before")


def dmarc_text(policy: str, reports: Sequence[str]) -> str:
    # DMARC-1: `v` first, `p` second: readers of RFC 7489 insist on it.
    text = f"v=DMARC1; p={policy}"
    return f"{text}; rua={','.join(reports)}" if reports else text


def merged(old: str, wished: str, reports: Sequence[str]) -> str:
    """The old record with the stricter policy of the two, and our report addresses after its own (DMARC-5)."""
    had = tags(old)
    kept = {tag: value for tag, value in had.items() if tag not in ("v", "p", "rua", *GONE)}
    if had.get("pct") == "0" and "t" not in had:
        kept["t"] = "y"  # the same to readers of RFC 9989 (its appendix on `pct`)
    addresses = split_addresses(had.get("rua", ""))
    known = {address.lower().split("!")[0] for address in addresses}
    addresses += [address for address in reports if address.lower() not in known]
    head = f"v=DMARC1; p={stricter(had.get('p', 'none'), wished)}"
    rua = [f"rua={','.join(addresses)}"] if addresses else []
    return "; ".join([head, *(f"{tag}={value}" for tag, value in kept.items()), *rua])


def stricter(one: str, other: str) -> str:
    """The stricter of two policies; one that is unknown stays, for a rule to find."""
    one = one.lower()
    if one not in POLICIES:
        return one
    return max(one, other, key=POLICIES.index)


def split_addresses(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def report_domains(text: str) -> list[str]:
    """Domains of every `mailto:` report address in a DMARC record, in order, each once."""
    found = tags(text)
    addresses = [*split_addresses(found.get("rua", "")), *split_addresses(found.get("ruf", ""))]
    mails = (address.split("!")[0] for address in addresses if address.lower().startswith("mailto:"))
    return list(dict.fromkeys(mail.rpartition("@")[2].lower() for mail in mails if "@" in mail))


def same_organisation(one: str, other: str) -> bool:
    """Whether one domain is, or is above, the other.

    Siblings count as strangers: without the DNS tree walk of RFC 9989 §4.10 nobody can tell, and an authorisation too
    many does no harm.
    """
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def authorisations(
    settings: "TenantSettings", views: Sequence[ZoneView], planned: Sequence[Record]
) -> Iterator[Record]:
    """`<domain>._report._dmarc.<target>` for every report target of ours outside the reporting domain (DMARC-4)."""
    by_name = {view.name: view for view in views}
    for record in planned:
        # Targets of a name without mail are none; the tenant host reports to nobody.
        if record.type != "TXT" or record.name != f"_dmarc.{record.zone}" or record.zone not in by_name:
            continue
        for target in report_domains(record.value):
            view = managing(target, views)
            if view is not None and not same_organisation(record.zone, target):
                name = f"{record.zone}._report._dmarc.{target}"
                yield view.record(name, "TXT", "v=DMARC1;", f"{target} takes reports about {record.zone}")


def managing(name: str, views: Sequence[ZoneView]) -> ZoneView | None:
    """The zone of ours that holds a name."""
    above = [view for view in views if name == view.name or name.endswith(f".{view.name}")]
    return max(above, key=lambda view: len(view.name), default=None)
