"""What a rule has to say about a plan: the rule's id, the record, what is wrong and the fix."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["E", "W"]


@dataclass(frozen=True, order=True)
class Finding:
    """`rule` is an id of the record rules (docs/dns.md); level E refuses the plan, W warns."""

    rule: str
    level: Level
    zone: str
    record: str
    """Name and type, for example `_dmarc.acme.com TXT`."""
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.rule} {self.record}: {self.message}; {self.fix}"


class PlanRefused(ValueError):
    """The records cannot be planned as wished. `findings` holds the warnings, too; `str()` is what the user sees."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        errors = [finding for finding in self.findings if finding.level == "E"]
        head = f"DNS: {len(errors)} problem{'s' if len(errors) > 1 else ''}"
        super().__init__("\n".join([head, *(f"  {finding}" for finding in errors)]))
