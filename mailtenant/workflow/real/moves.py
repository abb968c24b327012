"""Opens a customer's move from the control plane's settings and the stack file; the preflight and the estimate."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.schemes import HashRefused, check_hash
from mailtenant.control import customers, reports
from mailtenant.control.errors import Misconfigured
from mailtenant.control.plane import ControlPlane
from mailtenant.dns.findings import PlanRefused
from mailtenant.dns.planner import records
from mailtenant.dns.preflight import Finding as ZoneFinding
from mailtenant.fleet import dns_keys
from mailtenant.mailbox_copy import MailboxCopier
from mailtenant.mailbox_copy.session import imap_session
from mailtenant.migration.logins import Login
from mailtenant.migration.sides import Direction, SideError
from mailtenant.settings import TenantSettings
from mailtenant.settings.existing import PHASES
from mailtenant.shared_host import HostPaths, SharedHost
from mailtenant.shared_host.mailboxes import SharedMailboxes
from mailtenant.shared_host.place import SharedPlace
from mailtenant.tenant_side import TenantMail
from mailtenant.workflow.ports import Estimate, Finding, Move, StepError
from mailtenant.workflow.real.names import PlannedDns
from mailtenant.workflow.real.stack import PulumiStack

RATE = 5_000_000.0
"""Octets a second of a first pass over many small messages, for estimates: measured on two cores (docs/benchmarks.md
says what this machine does)."""
PER_MAILBOX = 0.5
"""Seconds of a last pass over a mailbox with nothing new, for estimates."""


class PlaceSettings(SharedPlace):
    """Where the shared host is and whom to ask."""

    resolvers: str = Field(default="1.1.1.1,8.8.8.8", description="recursive servers that must show the records")
    echo: str = Field(default="", description="an address outside that answers with SPF and DKIM results")


@dataclass
class RealMoves:
    """`Moves` of a project. A customer's copier stays open: it remembers what it has compared."""

    plane: ControlPlane
    project: Path
    places: PlaceSettings

    def __post_init__(self) -> None:
        self._copiers: dict[str, MailboxCopier] = {}

    def stack(self, label: str) -> PulumiStack:
        return PulumiStack(self.project, label, self.places.echo or None)

    def open(self, label: str) -> Move:
        stack = self.stack(label)
        copier = self._copiers.get(label) or self._copier(label)
        self._copiers[label] = copier
        return Move(
            label, copier.shared, self.plane.settings.shared_imap_host, copier.tenant, stack.file().settings.host,
            copier, stack, self._dns(stack), stack,
        )  # fmt: skip

    def _copier(self, label: str) -> MailboxCopier:
        settings = self.stack(label).file().settings
        domains = tuple(domain.name for domain in settings.domains)
        try:
            runner, ca = self.places.runner(), self.places.ca()
        except Misconfigured as error:
            why, _, fix = str(error).partition("; ")
            raise StepError(why, fix, again=False) from None
        paths = HostPaths(log=self.places.shared_log)
        shared = SharedHost(runner, domains, self.plane.settings.shared_imap_host, ca, paths)
        return MailboxCopier(shared, TenantMail(TenantEngine.of(settings), domains))

    def shared(self, label: str) -> SharedHost:
        """The customer on the shared host, by the domains that the control plane knows: no stack file is needed.

        Raises: Misconfigured, NotFound
        """
        with self.plane.database.read() as session:
            domains = tuple(row.name for row in customers.domains(session, customers.find(session, label).id))
        paths = HostPaths(log=self.places.shared_log)
        return SharedHost(self.places.runner(), domains, self.plane.settings.shared_imap_host, self.places.ca(), paths)

    def logins(self, label: str) -> Sequence[Login]:
        """Logins of the customer's mailboxes at the old host; who asks for others is not a customer's program.

        Raises: SideError, Misconfigured, NotFound
        """
        shared = self.shared(label)
        known = set(SharedMailboxes(shared.runner, shared.domains, shared.paths).names())
        return [login for login in shared.log().logins if login.address in known]

    def _dns(self, stack: PulumiStack) -> PlannedDns:
        asked = tuple(text.strip() for text in self.places.resolvers.split(",") if text.strip())
        return PlannedDns(stack, asked)

    def preflight(self, label: str) -> Sequence[Finding]:
        try:
            file = self.stack(label).file()
        except StepError as error:
            return [Finding("stack file", False, error.why, error.fix)]
        found = [
            Finding("stack file", True, "valid"),
            self._domains(label, {one.name for one in file.settings.domains}),
        ]
        host = self.plane.settings.tenant_host(label)
        same = file.settings.host == host
        said = host if same else f"the stack says {file.settings.host}, the control plane {host}"
        found.append(Finding("host name", same, said, "" if same else "set MAILTENANT_PLATFORM_DOMAIN as in the stack"))
        for domain in file.settings.domains:
            there = domain.name in file.existing
            fix = "" if there else f"mailtenant dns adopt {label} --domain {domain.name}"
            found.append(Finding(f"records of {domain.name}", there, "snapshot taken" if there else "no snapshot", fix))
        for phase in PHASES:
            try:
                records(file.settings, file.existing, phase)
            except PlanRefused as error:
                found.append(
                    Finding(f"DNS plan, {phase}", False, str(error), f"mailtenant dns plan {label} --phase {phase}")
                )
        found += [
            Finding(f"DNS key of {one.zone}", one.ok, f"{one.question}: {one.said}",
                    "" if one.ok else f"put it right as said; mailtenant dns preflight {label} asks again")
            for one in dns_keys.proven(self.project, file)
        ]  # fmt: skip
        return [*found, *self._agreed(label, file.settings), *self._accounts(label)]

    def keys(self, label: str) -> Sequence[ZoneFinding]:
        """Each zone that is written with the customer's key, read with it. Raises: StepError"""
        return dns_keys.proven(self.project, self.stack(label).file())

    def _agreed(self, label: str, settings: TenantSettings) -> Sequence[Finding]:
        """The stack file has what was agreed on the usage report."""
        with self.plane.database.read() as session:
            plan = reports.agreed(session, customers.find(session, label).id)
        if plan is None:
            return []
        there = settings.capacity
        short = plan.short_of(settings.size, there.mailboxes, there.domains, there.storage_gib)
        said = "; ".join(short) or f"as agreed: {plan.size}, {plan.mailboxes} mailboxes, {plan.storage_gib} GiB"
        fix = "edit the stack file, or agree on another size" if short else ""
        return [Finding("agreed size", not short, said, fix)]

    def _domains(self, label: str, in_stack: set[str]) -> Finding:
        with self.plane.database.read() as session:
            known = {row.name for row in customers.domains(session, customers.find(session, label).id)}
        if known == in_stack:
            return Finding("domains", True, ", ".join(sorted(known)))
        said = f"the stack has {', '.join(sorted(in_stack))}, the customer {', '.join(sorted(known))}"
        return Finding("domains", False, said, f"mailtenant domain add {label} …, or correct the customer's")

    def _accounts(self, label: str) -> Sequence[Finding]:
        """Every hash must be one that the tenant's Dovecot verifies; the mailboxes must fit."""
        capacity = self.stack(label).file().settings.capacity
        try:
            mailboxes = self._copier(label).shared.accounts().mailboxes
        except (SideError, StepError) as error:
            return [Finding("accounts", False, str(error), "see whether the shared host answers")]
        bad = []
        for mailbox in mailboxes:
            try:
                if mailbox.password_hash is not None:
                    check_hash(mailbox.password_hash)
            except HashRefused as error:
                bad.append(f"{mailbox.address}: {error}")
        fits = len(mailboxes) <= capacity.mailboxes
        return [
            *_separators(self.stack(label).file().settings, self._copier(label), [one.address for one in mailboxes]),
            Finding("password schemes", not bad, "; ".join(bad) or "all can be verified on the new side",
                    "set these passwords anew with the customer" if bad else ""),
            Finding("capacity", fits, f"{len(mailboxes)} mailboxes, room for {capacity.mailboxes}",
                    "" if fits else "raise capacity.mailboxes in the stack file"),
        ]  # fmt: skip

    def estimate(self, label: str) -> Estimate:
        copier = self._copiers.get(label) or self._copier(label)
        addresses = [mailbox.address for mailbox in copier.shared.accounts().mailboxes]
        sizes = {address: _octets(copier, address) for address in addresses}
        total, lanes = sum(sizes.values()), max(1, min(copier.parallel, len(addresses) or 1))
        freeze = 5 + PER_MAILBOX * len(addresses) / lanes
        return Estimate(sizes, total / RATE + PER_MAILBOX * len(addresses) / lanes, freeze)


def _separators(settings: TenantSettings, copier: MailboxCopier, addresses: Sequence[str]) -> Sequence[Finding]:
    """Filters travel as they are, and name folders as the old host does."""
    if not addresses:
        return []
    source, _ = copier.runners(Direction.TO_TENANT)
    try:
        with imap_session(source, addresses[0]) as session:
            theirs = session.separator()
    except SideError as error:
        return [Finding("folder separator", False, str(error), "see whether the shared host's Dovecot answers")]
    ours = settings.tuning.dovecot.folder_separator
    same = theirs in ("", ours)
    said = f"`{ours}` on both sides" if same else f"`{theirs}` on the shared host, `{ours}` in the stack"
    fix = f'set tuning.dovecot.folder_separator: "{theirs}" in the stack file, before the servers are made'
    return [Finding("folder separator", same, said, "" if same else fix)]


def _octets(copier: MailboxCopier, address: str) -> int:
    """What the source holds of a mailbox now."""
    source, _ = copier.runners(Direction.TO_TENANT)
    return sum(facts.octets for facts in copier.look(source, address).folders.values())
