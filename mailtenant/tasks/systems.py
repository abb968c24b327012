"""The mail system behind a customer, as far as the API needs it: mailboxes and DNS. Before the move that is the shared
host, afterwards the customer's own; endpoints and tasks do not see which."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mailtenant.accounts import mail_store
from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.model import NewMailbox
from mailtenant.accounts.store import AccountStore
from mailtenant.dns.lookup import Answers, authoritative
from mailtenant.dns.planner import planned_records, records
from mailtenant.dns.records import Record
from mailtenant.dns.verify import Result, judge_set
from mailtenant.fleet.stacks import TenantStack
from mailtenant.migration import Side
from mailtenant.settings import StackFile, load_stack_file

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
    """A customer that has not moved. Its accounts and records are the shared platform's, whose own panel changes them;
    what is known of its records here is the host."""

    host: str

    def mailboxes(self) -> Sequence[Found]:
        raise SystemRefused(_ELSEWHERE)

    def add(self, address: str, name: str, password_hash: str) -> None:
        raise SystemRefused(_ELSEWHERE)

    def set_password(self, address: str, password_hash: str) -> None:
        raise SystemRefused(_ELSEWHERE)

    def remove(self, address: str, *, delete_mail: bool) -> None:
        raise SystemRefused(_ELSEWHERE)

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


_ELSEWHERE = "until your move this is changed where you change it today, at the shared platform"


@dataclass(frozen=True)
class ProjectSystems:
    """The real ones: stacks of a project, and the shared host by its name."""

    project: Path
    shared_host: str

    def of(self, label: str, serving: Side) -> MailSystem:
        return TenantSystem(self.project, label) if serving is Side.TENANT else SharedSystem(self.shared_host)


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
