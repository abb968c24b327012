"""What a migration asks of the world besides the two mail systems (`mailtenant.migration.sides`): the tenant's stack,
DNS, and tests of the new side. Every operation may be called again after a crash.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from mailtenant.migration.evidence import DnsSeen, Probe, SmokeTest
from mailtenant.migration.sides import Copier, MailSide, TenantSide
from mailtenant.settings.existing import Phase


class StepError(RuntimeError):
    """A step cannot do its work. `why` and `fix` are for the operator; nothing secret is in them.

    `again`: it may work by itself in a while (an API that is busy, a copy that was cut off).
    """

    def __init__(self, why: str, fix: str, *, again: bool = True) -> None:
        super().__init__(f"{why}; {fix}")
        self.why, self.fix, self.again = why, fix, again


@dataclass(frozen=True)
class Finding:
    """One result of the preflight. `fix` is empty where all is well."""

    subject: str
    ok: bool
    said: str
    fix: str = ""


@dataclass(frozen=True)
class Change:
    """One DNS record that the move changes, in a phase: old → new; empty: none."""

    phase: str
    zone: str
    name: str
    type: str
    old: str
    new: str
    by_hand: bool


@dataclass(frozen=True)
class Estimate:
    """What there is to move: mailboxes → octets; and seconds for the first pass and the freeze."""

    mailboxes: Mapping[str, int] = field(default_factory=dict)
    copy_seconds: float = 0
    freeze_seconds: float = 0


class Stack(Protocol):
    """The tenant's Pulumi stack."""

    def up(self, phase: Phase) -> None:
        """The stack with its DNS in `phase`, made true. Raises: StepError"""

    def smoke(self) -> SmokeTest:
        """The new servers tested by address. Raises: StepError"""

    def take_down(self, *, keep: bool) -> None:
        """After a rollback, DNS being in phase `adopted`: removes the servers; mail and accounts stay on their
        volumes. `keep`: the servers stay as well. Raises: StepError
        """


class Dns(Protocol):
    """The records of the customer's domains and of the tenant host."""

    def seen(self, phase: Phase) -> DnsSeen:
        """What all authoritative servers and the resolvers say; `waited` is the caller's. Raises: StepError"""

    def remembered(self, phase: Phase) -> timedelta:
        """How long after `phase` came into force others may remember what was there before."""

    def sheet(self) -> str:
        """What a person has to enter before the copy begins, as text."""

    def sheet_back(self) -> str:
        """What a person has to put back after a rollback from the cut-over, as text."""

    def changes(self) -> Sequence[Change]:
        """Every record that the move changes, phase by phase."""


class Probes(Protocol):
    """Tests of the new side after the cut-over."""

    def round(self) -> tuple[Probe, ...]:
        """Send, receive, login, SPF, DKIM, DMARC, queue; all of them once. Raises: StepError"""


@dataclass(frozen=True)
class Move:
    """Everything that the move of one customer works with."""

    label: str
    shared: MailSide
    shared_host: str
    tenant: TenantSide
    tenant_host: str
    copier: Copier
    stack: Stack
    dns: Dns
    probes: Probes


class Moves(Protocol):
    """Opens what a customer's move needs, from the control plane's and the stack file's settings."""

    def open(self, label: str) -> Move:
        """Raises: StepError, naming what is missing."""

    def preflight(self, label: str) -> Sequence[Finding]:
        """Everything that must be right before the move begins; looks only. Raises: StepError"""

    def estimate(self, label: str) -> Estimate:
        """From the source's sizes. Raises: StepError"""
