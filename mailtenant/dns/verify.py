"""What is published against what is planned, with the cause and the fix of each difference. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mailtenant.dns.dkim import tags
from mailtenant.dns.records import Record, text_kind


@dataclass(frozen=True)
class Seen:
    """One server's answer: plain values sorted, the TTL that came with them (s), or why there is none.

    `alias` is what the name leads to where it is an alias, whether the server followed it or not.
    """

    values: tuple[str, ...] = ()
    ttl: int = 0
    problem: str = ""
    alias: str = ""


_OF_NAMES = ("MX", "CNAME", "SRV", "PTR", "NS")
State = Literal["ok", "wrong", "unknown"]


@dataclass(frozen=True)
class Result:
    """One line of the report. `server` says who was asked."""

    subject: str
    server: str
    state: State
    said: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        return self.state == "ok"


def judge_set(name: str, type_: str, planned: Sequence[Record], seen: Seen, server: str, doubled: Seen) -> Result:
    """One name and type at one server. `doubled` is the answer at `<name>.<zone>`, where forms go wrong."""
    subject = f"{name} {type_}"
    if seen.problem:
        return Result(subject, server, "unknown", seen.problem, "ask again; or see whether the server is reachable")
    # Host names differ by nothing but their letters' case: it is the same name (RFC 4343).
    same = str.lower if type_ in _OF_NAMES else str
    wanted = {same(record.value) for record in planned}
    kinds = {text_kind(name, value) for value in wanted} if type_ == "TXT" else set()
    # Other texts at the name are somebody's; other MX, addresses or aliases beside ours take effect.
    here = {same(value) for value in seen.values if type_ != "TXT" or text_kind(name, value) in kinds}
    missing, extra = sorted(wanted - here), sorted(here - wanted)
    if not missing and not extra:
        return Result(subject, server, "ok", f"as planned, TTL {seen.ttl} s")
    if missing and not extra:
        if set(doubled.values) & wanted:
            zone = planned[0].zone
            said = f"stands at {name}.{zone}: the zone's name was entered twice"
            return Result(subject, server, "wrong", said, f"enter the name without .{zone}")
        return Result(subject, server, "wrong", f"missing: {_shown(missing)}", f"add {_shown(missing)}")
    for value in missing:
        if cause := _damage(type_, value, extra):
            return Result(subject, server, "wrong", cause, f"enter exactly {_shown([value])}")
    if missing:
        said = f"is {_shown(extra)}, not {_shown(missing)}"
        return Result(subject, server, "wrong", said, f"change it to {_shown(missing)}")
    return Result(subject, server, "wrong", f"old value still there: {_shown(extra)}", f"remove {_shown(extra)}")


def judge_absent(name: str, type_: str, seen: Seen, server: str) -> Result:
    """A name of ours that must have nothing of a type: an address that is not ours takes mail and logins elsewhere."""
    subject = f"{name} {type_}"
    if seen.problem:
        return Result(subject, server, "unknown", seen.problem, "ask again; or see whether the server is reachable")
    if seen.values:
        said = f"is {_shown(seen.values)}, which is not the tenant's: whoever prefers it goes there"
        return Result(subject, server, "wrong", said, f"remove {_shown(seen.values)}")
    return Result(subject, server, "ok", "none, as planned")


def _damage(type_: str, wanted: str, found: Iterable[str]) -> str:
    for value in found:
        if value.strip('"\\ ') == wanted or value.replace('"', "").replace("\\", "") == wanted.replace('"', ""):
            return "the right text with quotation marks or backslashes of a form in it"
        if "".join(value.split()) == "".join(wanted.split()):
            return "the right text with spaces or line breaks too many or too few"
        if type_ == "TXT" and value.startswith(wanted):
            return "the right text with something after it"
        if type_ == "TXT" and len(value) > 40 and wanted.startswith(value):
            return f"the text is cut off after {len(value)} characters"
        if value.lower() == wanted.lower():
            return "differs in upper and lower case"
        if type_ == "MX" and value.split(" ", 1)[-1] == wanted.split(" ", 1)[-1]:
            return f"preference {value.split(' ', 1)[0]}, not {wanted.split(' ', 1)[0]}"
    return ""


def judge_key(domain: str, selector: str, texts: Sequence[str], public: str, server: str) -> Result:
    """The key in DNS against the private key that signs. `public` is the private key's own public half (base64)."""
    subject = f"DKIM key {selector} of {domain}"
    found = {"".join(tags(text).get("p", "").split()) for text in texts}
    if found == {public}:
        return Result(subject, server, "ok", "belongs to the private key in use")
    fix = f"publish the key that `mailtenant records` prints for {selector}._domainkey.{domain}"
    if not found:
        return Result(subject, server, "wrong", "no key is published", fix)
    return Result(subject, server, "wrong", "another key is published: every signature fails", fix)


def _shown(values: Sequence[str]) -> str:
    return ", ".join(value if len(value) <= 90 else f"{value[:60]}…{value[-20:]}" for value in values)
