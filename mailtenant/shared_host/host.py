"""One customer on a shared host: frozen, relayed, opened again, without the other customers noticing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from mailtenant.logins import admitted
from mailtenant.migration.sides import Activity, CustomerAccounts, SideError
from mailtenant.migration.usage import Usage
from mailtenant.runner import Runner, checked
from mailtenant.shared_host.accounts import customer_accounts
from mailtenant.shared_host.copy_access import CopyAccess, copy_access
from mailtenant.shared_host.mail_log import LogSummary, read_log
from mailtenant.shared_host.paths import HostPaths
from mailtenant.shared_host.queue import Queued, queued
from mailtenant.shared_host.script import FLUSH, HELD, PROTOCOLS, REPORT, SIZES, STATE
from mailtenant.waiting import until

QUIET_SECONDS: Final = 120.0
USAGE_SECONDS: Final = 1800.0
"""A large mailbox that nobody has counted yet is read once."""


@dataclass(frozen=True)
class SharedHost:
    """A `MailSide`. `domains`: all of the customer's. `name`: the host's own name; `ca`: PEM of its certificate's CA.

    Every operation may be repeated; what a crash left half done is finished by the next call.
    """

    runner: Runner
    domains: tuple[str, ...]
    name: str
    ca: str = field(repr=False)
    paths: HostPaths = field(default_factory=HostPaths)
    copy_port: int = 12345
    seconds: float = QUIET_SECONDS
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def accounts(self) -> CustomerAccounts:
        """Raises: SideError naming every account that cannot move as it is."""
        users = "".join(checked(self.runner, ["cat", "--", self.paths.users_of(d)]) for d in self.domains)
        return customer_accounts(users, checked(self.runner, ["cat", "--", self.paths.aliases]), self.domains)

    def freeze(self) -> None:
        """Holds mail, denies logins, then ends sessions, and waits until nothing can change a mailbox any more.

        Raises: SideError when sessions or deliveries do not end in time; the customer is frozen all the same.
        """
        self._state("frozen")
        first = self._report()
        # Whatever was under way when the tables changed may still be a delivery into a mailbox; what comes to the head
        # of the queue later goes to `retry` and only looks like one.
        before = {message.id for message in first.queue if message.under_way}
        last = first

        def quiet() -> bool:
            nonlocal last
            last = self._report()
            if last.sessions:
                self._state("frozen")
            still = {message.id for message in last.queue if message.under_way} & before
            return not still and not last.sessions and not last.deliveries

        if not until(quiet, self.seconds, self.clock):
            raise SideError(
                f"{self.name}: {last.sessions} sessions and {last.deliveries} deliveries of {', '.join(self.domains)} "
                f"did not end within {self.seconds:.0f} s; see `doveadm who` and `postqueue -p` there, then try again"
            )

    def thaw(self) -> None:
        """As before the freeze; what was held is delivered at once."""
        self._state("open")
        self._release()

    def relay(self, host: str) -> None:
        """The held mail, and all that still comes, goes on to `host`. Logins stay denied."""
        if not host or any(sign.isspace() or sign in "[]:" for sign in host):
            raise SideError(f"{self.name}: not a host name to relay to")
        self._state("relayed", host)
        self._release()

    def activity(self) -> Activity:
        """Sessions and LMTP deliveries as Dovecot counts them; mail of the customer in the queue."""
        report = self._report()
        return Activity(report.sessions, report.deliveries, len(report.queue))

    def admitted(self) -> list[str]:
        """Logins that are not denied, whatever the tables say. Raises: SideError"""
        return admitted(self.runner, PROTOCOLS, self.domains)

    def log(self) -> LogSummary:
        """Logins of the customer's people and its mails a day, as far back as the log goes. Raises: SideError"""
        return read_log(self.runner, self.paths.log, self.domains)

    def usage(self) -> Usage:
        """Mailboxes, domains, bytes, and mails a day as far back as the log goes. Raises: SideError"""
        addresses = [mailbox.address for mailbox in self.accounts().mailboxes]
        users = "".join(f"{address}\n" for address in addresses).encode()
        text = checked(self.runner, ["sh", "-c", SIZES], stdin=users, seconds=USAGE_SECONDS)
        octets = 0
        for line in text.splitlines():
            size, _, address = line.partition("\t")
            if not size.isdecimal():
                raise SideError(f"{self.name}: Dovecot does not say how large {address} is; see its log")
            octets += int(size)
        return Usage(len(addresses), len(self.domains), octets, self.log().days)

    def copy_access(self, addresses: Sequence[str]) -> AbstractContextManager[CopyAccess]:
        """The copy instance knows exactly these mailboxes of the customer until the block ends. Raises: SideError"""
        return copy_access(self.runner, self.paths, self.domains, addresses)

    def _state(self, state: str, host: str = "") -> None:
        checked(self.runner, ["sh", "-c", STATE, "sh", self.paths.move, state, host, *self.domains])

    def _report(self) -> Report:
        return report(self.runner, self.domains)

    def _release(self) -> None:
        """Tries mail that the freeze held until none is left; what waits for other reasons waits on."""

        def released() -> bool:
            held = [
                m.id for m in self._report().queue if not m.under_way and any(HELD in reason for reason in m.reasons)
            ]
            if held:
                checked(self.runner, ["sh", "-c", FLUSH], stdin="".join(f"{id_}\n" for id_ in held).encode())
            return not held

        if not until(released, self.seconds, self.clock):
            raise SideError(
                f"{self.name}: held mail of {', '.join(self.domains)} has not left the queue within "
                f"{self.seconds:.0f} s; see `postqueue -p` there, then try again"
            )


@dataclass(frozen=True)
class Report:
    """What goes on for a customer's domains: logged-in sessions, LMTP deliveries, mail in the queue."""

    sessions: int
    deliveries: int
    queue: tuple[Queued, ...]


def report(runner: Runner, domains: Sequence[str]) -> Report:
    """One look at Postfix and Dovecot, on either side. Raises: SideError"""
    text = checked(runner, ["sh", "-c", REPORT, "sh", *(f"*@{domain}" for domain in domains)])
    services = [line.split("\t")[1] for line in text.splitlines() if not line.startswith("{") and "\t" in line]
    deliveries = services.count("lmtp")
    return Report(len(services) - deliveries, deliveries, tuple(queued(text, domains)))
