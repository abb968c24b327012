"""SPF records: read into terms, merged without losing one, written (RFC 7208 §4.6, §12)."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mailtenant.dns.platform import egress, mechanism, spf_name
from mailtenant.dns.records import Record
from mailtenant.dns.zone_view import ZoneView

VERSION: Final = "v=spf1"
_MECHANISM: Final = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:([:/])(.*))?", re.I)
_MODIFIER: Final = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.I)


@dataclass(frozen=True)
class SpfTerm:
    """One term. `name` is lower case; a modifier has no qualifier; a term that is neither has no name."""

    text: str
    name: str
    qualifier: str
    argument: str
    """What follows `:` or `=`; for `a/24` and `mx/24` the `/24`."""

    @property
    def key(self) -> str:
        """Equal for terms that say the same. Macro letters differ by case (RFC 7208 §7.3)."""
        argument = self.argument if "%" in self.argument else self.argument.lower()
        return f"{self.qualifier}{self.name}|{argument}" if self.name else self.text

    @property
    def is_modifier(self) -> bool:
        return self.name != "" and self.qualifier == ""


def parse_term(text: str) -> SpfTerm:
    """A term; what is no SPF term comes back without a name."""
    if found := _MODIFIER.fullmatch(text):
        return SpfTerm(text, found[1].lower(), "", found[2])
    if found := _MECHANISM.fullmatch(text):
        argument = f"/{found[4]}" if found[3] == "/" else found[4] or ""
        return SpfTerm(text, found[2].lower(), found[1] or "+", argument)
    return SpfTerm(text, "", "", "")


def is_spf(text: str) -> bool:
    """Whether a TXT is an SPF record (RFC 7208 §4.5: `v=spf1` alone or followed by a space)."""
    return text.lower() == VERSION or text.lower().startswith(VERSION + " ")


def parse_spf(text: str) -> tuple[SpfTerm, ...]:
    """The terms after `v=spf1`."""
    return tuple(parse_term(word) for word in text.split(" ")[1:] if word)


def spf_text(terms: Iterable[SpfTerm]) -> str:
    return " ".join([VERSION, *(term.text for term in terms)])


def merge(old: Iterable[SpfTerm], ours: Sequence[SpfTerm], leaving: Collection[str] = ()) -> tuple[SpfTerm, ...]:
    """Ours first, then every old term in its order, each once, without those that leave.

    First, because a term that fails to resolve ends the evaluation (RFC 7208 §4.6.4): our addresses must pass before.
    """
    gone = {parse_term(text).key for text in leaving}
    merged: dict[str, SpfTerm] = {}
    for term in (*ours, *(term for term in old if term.key not in gone)):
        merged.setdefault(term.key, term)
    return tuple(merged.values())


def with_end(terms: Sequence[SpfTerm], last: str | None, default: str) -> tuple[SpfTerm, ...]:
    """The last word: `last` if it was asked for, else what is there, else `default`. `redirect` needs no `all`."""
    ends = [term for term in terms if term.name == "all"]
    if last is None and (ends or any(term.name == "redirect" for term in terms)):
        return tuple(terms)
    mechanisms = [term for term in terms if term.name != "all" and not term.is_modifier]
    modifiers = [term for term in terms if term.is_modifier]
    if last is not None and not ends and any(term.name == "redirect" for term in modifiers):
        return tuple(terms)  # `all` would switch the redirect off, and with it a term that is not ours
    return (*mechanisms, parse_term(last or default), *modifiers)


def our_terms(view: ZoneView) -> tuple[SpfTerm, ...]:
    """What names the egress addresses in the domain's record."""
    if view.domain.spf.mode == "direct":
        return tuple(parse_term(mechanism(address)) for address in egress(view.settings))
    return (parse_term(f"include:{spf_name(view.settings.host)}"),)


def _meaning_as_before(old: Sequence[SpfTerm], view: ZoneView) -> Iterator[SpfTerm]:
    """The old terms; behind an `mx` of the domain the hosts that it means today, by their names.

    At the cut-over `mx` comes to mean the tenant host, while the old hosts still send: theirs stays until settled. Said
    ahead, in the additive phase, since a resolver may remember the record longer than the old MX.
    """
    hosts = [record.value.partition(" ")[2].rstrip(".").lower() for record in view.old(view.name, "MX")]
    for term in old:
        yield term
        name, slash, length = term.argument.partition("/")
        if term.name == "mx" and (name.rstrip(".").lower() or view.name) == view.name:
            sign = "" if term.qualifier == "+" else term.qualifier
            for host in hosts:
                if host and host != view.settings.host:
                    yield parse_term(f"{sign}a:{host}{slash}{length}")


def spf_record(view: ZoneView) -> Record:
    """The domain's one SPF record: old ∪ ours until settled, then without what leaves.

    `~all` unless something else is asked for (SPF-6): mail by other ways is then judged by DKIM and DMARC.
    """
    spf, ours = view.domain.spf, our_terms(view)
    reason = "the tenant's egress addresses may send for this domain"
    held = view.old(view.name, "TXT", "spf1")
    if not held:
        return view.record(view.name, "TXT", spf_text(with_end(ours, spf.all, "~all")), reason)
    old = parse_spf(held[0].value)
    if not view.settled:
        text = spf_text(merge(_meaning_as_before(old, view), ours))
        return view.record(view.name, "TXT", text, f"{reason}, beside all that might before")
    terms = with_end(merge(old, ours, view.domain.leaving), spf.all, "~all")
    return view.record(view.name, "TXT", spf_text(terms), f"{reason}, beside what stays")
