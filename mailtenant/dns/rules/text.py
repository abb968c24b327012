"""TXT-1 … TXT-4: a text must survive every form that it is written in."""

import unicodedata
from collections.abc import Iterator
from typing import Final

from mailtenant.dns.findings import Finding
from mailtenant.dns.records import Record, split_text, to_octets, to_text
from mailtenant.dns.rules.context import RuleContext

LONGEST: Final = 65_535
"""Octets of a record's data (RFC 1035 §3.2.1)."""
ROOMY: Final = 450
"""Octets of name and texts that an answer of 512 carries beside the rest."""


def text_findings(context: RuleContext) -> Iterator[Finding]:
    for record in context.of_type("TXT"):
        yield from _faults(context, record)
    yield from _answers(context)


def _faults(context: RuleContext, record: Record) -> Iterator[Finding]:
    text = record.value
    try:
        strings = split_text(text)
    except UnicodeEncodeError:
        yield context.finding("TXT-2", record, "the text is not valid Unicode", "write it anew")
        return
    if sum(len(string) + 1 for string in strings) > LONGEST:
        yield context.finding("TXT-1", record, f"{len(to_octets(text))} octets do not fit a record", "shorten the text")
    if to_text(b"".join(strings)) != text or any(unicodedata.category(c) == "Cc" for c in text):
        fix = "take the line breaks, tabs and other control characters out"
        yield context.finding("TXT-2", record, "a character does not survive every provider's form", fix)
    if len(text) > 1 and text[0] == text[-1] == '"':
        fix = "write the text itself, without quotes"
        yield context.finding("TXT-3", record, "is quoted, which is a provider's or a zone file's form", fix)


def _answers(context: RuleContext) -> Iterator[Finding]:
    for name, records in context.by_name.items():
        texts = [record for record in records if record.type == "TXT"]
        if not texts:
            continue
        foreign = context.foreign_by_name.get((texts[0].zone, name), ())
        values = [*(record.value for record in texts), *(record.value for record in foreign if record.type == "TXT")]
        octets = len(name) + sum(len(value.encode(errors="replace")) for value in values)
        if octets > ROOMY:
            message = f"the answer has {octets} octets, and above {ROOMY} some resolvers cut it"
            fix = "use a shorter key or fewer texts at this name, if mail is judged wrongly somewhere"
            yield context.finding("TXT-4", texts[0], message, fix)
