"""What servers say about SPF, DKIM and DMARC: Authentication-Results (RFC 8601) and the texts of echo services."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage

METHODS = ("spf", "dkim", "dmarc")
_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"^\s*([a-z][a-z0-9-]*)(?:/\d+)?\s*=\s*([a-z]+)(.*)$", re.IGNORECASE | re.DOTALL)
# `SPF check: pass`, `dkim=pass`, `"dmarc": "pass"` as echo services write it in their mail.
_IN_TEXT = re.compile(r"\b(spf|dkim|dmarc)\b(?:[\s_-]*(?:check|result))?[\s\"']*[:=][\s\"']*(\w+)", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    """Method → result in lower case, `judge` says who found it."""

    judge: str
    results: Mapping[str, str]

    def passed(self, *methods: str) -> bool:
        return all(self.results.get(method) == "pass" for method in methods)

    def __str__(self) -> str:
        shown = ", ".join(f"{method.upper()} {self.results.get(method, 'not judged')}" for method in METHODS)
        return f"{shown} (by {self.judge})"


def parse_results(header: str) -> Verdict:
    """One Authentication-Results field. Of several results of one method, a pass counts (RFC 7489 §6.6.2)."""
    text = header
    while _COMMENT.search(text):
        text = _COMMENT.sub(" ", text)
    judge, *parts = text.split(";")
    results: dict[str, str] = {}
    for part in parts:
        if (found := _RESULT.match(part)) and results.get(found[1].lower()) != "pass":
            results[found[1].lower()] = found[2].lower()
    return Verdict((judge.split() or ["unnamed"])[0], results)


def own_verdict(message: EmailMessage) -> Verdict | None:
    """The topmost Authentication-Results: the only one that the receiving server has written itself."""
    fields = message.get_all("Authentication-Results", [])
    return parse_results(" ".join(str(fields[0]).split())) if fields else None


def echoed_verdict(message: EmailMessage) -> Verdict | None:
    """What an echo service tells in its answer: in its own header field, else in its text."""
    field = message.get("X-Echo-Authentication-Results")
    if field:
        return parse_results(" ".join(str(field).split()))
    body = message.get_body(preferencelist=("plain",))
    text = str(body.get_content()) if body else ""
    results: dict[str, str] = {}
    for method, result in _IN_TEXT.findall(text):
        results.setdefault(method.lower(), result.lower())
    if not results:
        return None
    return Verdict(str(message.get("From", "the echo service")).strip(), results)
