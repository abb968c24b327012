"""The mail system behind a customer, as far as the API needs it: mailboxes and DNS. Before the move that is the shared
host, afterwards the customer's own; endpoints and tasks do not see which."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from mailtenant.accounts import mail_store
from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.model import NewMailbox
from mailtenant.accounts.store import AccountStore
from mailtenant.control import customers
from mailtenant.control.errors import Misconfigured
from mailtenant.control.plane import ControlPlane
from mailtenant.dns.lookup import Answers, authoritative
from mailtenant.dns.planner import planned_records, records
from mailtenant.dns.records import Record
from mailtenant.dns.verify import Result, judge_set
from mailtenant.fleet.stacks import TenantStack
from mailtenant.migration import Side
from mailtenant.migration.sides import SideError
from mailtenant.settings import StackFile, load_stack_file
from mailtenant.shared_host.mailboxes import SharedMailboxes
from mailtenant.shared_host.place import SharedPlace

_log = logging.getLogger(__name__)
PUBLIC_RESOLVERS = ("1.1.1.1", "8.8.8.8")


class SystemRefused(Exception):
    """The mail system will not: what and the fix, for the customer."""


@dataclass(frozen=True)
class Found:
    """A mailbox as the mail system has it."""

    address: str
    name: str


class MailSystem(Protocol):
    """One customer's mailboxes and DNS. Every change may be repeated.

    Raises: SystemRefused, AccountError, StackError
    """

    def mailboxes(self) -> Sequence[Found]: ...

    def add(self, address: str, name: str, password_hash: str) -> None: ...

    def set_password(self, address: str, password_hash: str) -> None: ...

    def remove(self, address: str, *, delete_mail: bool) -> None: ...

    def domains_allowed(self) -> int | None:
        """How many domains the customer may have; None: that is not known here."""

    def plan(self, domain: str) -> Sequence[Record]: ...

    def push(self, domain: str) -> str:
        """Writes the plan through the domain's provider; what was done, in words."""

    def verify(self, domain: str) -> Sequence[Result]: ...

    def clean(self, domain: str) -> str:
        """Takes our records of the domain back."""


class Systems(Protocol):
    """Finds a customer's mail system."""

    def of(self, label: str, serving: Side) -> MailSystem: ...


@dataclass(frozen=True)
class TenantSystem:
    """A customer's own stack, of the project at `project`."""

    project: Path
    label: str

    def mailboxes(self) -> Sequence[Found]:
        with self._store() as store:
            return [Found(box.address, box.name) for box in store.mailboxes() if not box.role]

    def add(self, address: str, name: str, password_hash: str) -> None:
        with self._store() as store:
            if any(box.address == address for box in store.mailboxes()):
                # An earlier attempt that was cut off before it could say so: the caller made sure that it was free.
                store.set_password(address, password_hash)
            else:
                store.add(NewMailbox(address, password_hash, None, name))

    def set_password(self, address: str, password_hash: str) -> None:
        with self._store() as store:
            store.set_password(address, password_hash)
        mail_store.end_sessions(self._engine(), address)

    def remove(self, address: str, *, delete_mail: bool) -> None:
        with self._store() as store:
            if any(box.address == address for box in store.mailboxes()):
                store.remove(address)
        mail_store.end_sessions(self._engine(), address)
        if delete_mail:
            mail_store.delete_mail(self._engine(), address)

    def domains_allowed(self) -> int | None:
        return self._file().settings.capacity.domains

    def plan(self, domain: str) -> Sequence[Record]:
        stack_file = self._file()
        made = records(stack_file.settings, stack_file.existing, stack_file.dns_phase)
        return [record for record in made if record.zone == domain]

    def push(self, domain: str) -> str:
        provider = self._provider(domain)
        if provider == "manual":
            raise SystemRefused("this domain's records are entered by hand: take them from its plan")
        TenantStack(self.project, self.label).up()
        return f"written through {provider}"

    def verify(self, domain: str) -> Sequence[Result]:
        stack_file = self._file()
        settings = stack_file.settings
        planned = planned_records(settings, stack_file.existing, stack_file.dns_phase)
        local = settings.platform_dns.provider == "local"
        if local:
            servers = [Answers.at(str(settings.edge.address), recursive=False)]
        else:
            resolvers = [Answers.at(address) for address in PUBLIC_RESOLVERS]
            servers = [*authoritative(domain, resolvers[0]), *resolvers]
        return judged(domain, [record for record in planned if record.zone == domain], servers)

    def clean(self, domain: str) -> str:
        raise SystemRefused(
            "records of a domain that your own servers serve are taken back by an operator: the DNS phase is the "
            "whole stack's; ask support"
        )

    def _provider(self, domain: str) -> str:
        for one in self._file().settings.domains:
            if one.name == domain:
                return one.dns.provider
        raise SystemRefused("your own servers do not serve this domain yet; ask support")

    def _file(self) -> StackFile:
        path = self.project / "stacks" / f"Pulumi.{self.label}.yaml"
        if not path.is_file():
            raise SystemRefused("your own servers are not set up here; ask support")
        return load_stack_file(path, path.name)

    def _engine(self) -> TenantEngine:
        return TenantEngine.of(self._file().settings)

    def _store(self) -> AccountStore:
        return AccountStore(self._engine())


@dataclass(frozen=True)
class SharedSystem:
    """A customer that has not moved. Its mailboxes are on the shared host, its records the shared platform's; what is
    known of those here is the host. `accounts`: None where nothing says how commands reach the shared host."""

    host: str
    accounts: Callable[[], SharedMailboxes] | None = None

    def mailboxes(self) -> Sequence[Found]:
        with self._there() as there:
            return [Found(address, name) for address, name in sorted(there.names().items())]

    def add(self, address: str, name: str, password_hash: str) -> None:
        with self._there() as there:
            there.add(address, name, password_hash)

    def set_password(self, address: str, password_hash: str) -> None:
        with self._there() as there:
            there.set_password(address, password_hash)

    def remove(self, address: str, *, delete_mail: bool) -> None:
        with self._there() as there:
            there.remove(address, delete_mail=delete_mail)

    def domains_allowed(self) -> int | None:
        return None

    def plan(self, domain: str) -> Sequence[Record]:
        return [
            Record(domain, domain, "MX", f"10 {self.host}", 3600, "mail is delivered to the shared host", "customer")
        ]

    def push(self, domain: str) -> str:
        raise SystemRefused(_ELSEWHERE)

    def verify(self, domain: str) -> Sequence[Result]:
        resolvers = [Answers.at(address) for address in PUBLIC_RESOLVERS]
        return judged(domain, self.plan(domain), [*authoritative(domain, resolvers[0]), *resolvers])

    def clean(self, domain: str) -> str:
        raise SystemRefused(_ELSEWHERE)

    @contextmanager
    def _there(self) -> Iterator[SharedMailboxes]:
        if self.accounts is None:
            raise SystemRefused(_ELSEWHERE)
        try:
            yield self.accounts()
        except (SideError, Misconfigured) as error:
            # Names of hosts and files are for us.
            _log.warning("the shared host: %s", error)
            raise SystemRefused("the shared platform could not do it now; try again, or ask support") from None


_ELSEWHERE = "until your move this is changed where you change it today, at the shared platform"


@dataclass(frozen=True)
class ProjectSystems:
    """The real ones: stacks of a project, and the shared host, which `place` says how to reach."""

    project: Path
    plane: ControlPlane
    place: SharedPlace

    def of(self, label: str, serving: Side) -> MailSystem:
        if serving is Side.TENANT:
            return TenantSystem(self.project, label)
        accounts = partial(self._accounts, label) if self.place.shared_host else None
        return SharedSystem(self.plane.settings.shared_imap_host, accounts)

    def _accounts(self, label: str) -> SharedMailboxes:
        with self.plane.database.read() as session:
            domains = [row.name for row in customers.domains(session, customers.find(session, label).id)]
        return SharedMailboxes(self.place.runner(), tuple(domains))


def judged(zone: str, planned: Sequence[Record], servers: Sequence[Answers]) -> Sequence[Result]:
    """Each name and type of the plan at each server."""
    sets: dict[tuple[str, str], list[Record]] = {}
    for record in planned:
        sets.setdefault((record.name, record.type), []).append(record)
    return [
        judge_set(name, type_, held, server.ask(name, type_), server.name, server.ask(f"{name}.{zone}", type_))
        for (name, type_), held in sets.items()
        for server in servers
    ]
