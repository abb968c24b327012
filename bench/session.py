"""One run of benchmarks: what they share is made when the first of them asks, and removed at the end."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from bench.commands import timed
from bench.floor import running_floor
from bench.load.inbox import Inbox
from bench.target import Target
from bench.tenant import BenchTenant, new_tenant

MAILBOXES = 10
PASSWORD = "a password of the benchmarks"  # noqa: S105


@dataclass(frozen=True)
class Started:
    """A tenant that runs, and how many seconds the ways to its first login took."""

    tenant: BenchTenant
    up: float
    mailboxes: float
    login: float


class Session:
    """`quick`: fewer rounds and messages, to see that a benchmark still runs."""

    def __init__(self, client: Any, console: Console, stack: ExitStack, *, quick: bool) -> None:
        self.client, self.quick = client, quick
        self._console, self._stack = console, stack
        self._started: Started | None = None
        self._floor: Target | None = None

    def say(self, text: str) -> None:
        """Progress, on stderr."""
        self._console.print(f"[dim]{text}[/]", highlight=False)

    def started(self) -> Started:
        """The tenant, brought up from nothing on first use."""
        if self._started is None:
            self.say("tenant: world, stack file")
            tenant = self._stack.enter_context(new_tenant(self.client))
            self._started = self.start(tenant)
        return self._started

    def start(self, tenant: BenchTenant) -> Started:
        """From `pulumi up` (images present, nothing else) to the first login."""
        self.say("tenant: pulumi up")
        up = timed(tenant.up)
        mailboxes = timed(lambda: tenant.add_mailboxes(MAILBOXES, PASSWORD))
        target = tenant.target()
        login = timed(lambda: Inbox.login(target, target.mailboxes[0], target.tls()).close())
        self.say(f"tenant: up {up:.1f} s, mailboxes {mailboxes:.1f} s, first login {login:.2f} s")
        return Started(tenant, up, mailboxes, login)

    def floor(self) -> Target:
        if self._floor is None:
            self.say("floor: image, container")
            self._floor = self._stack.enter_context(running_floor(self.client, MAILBOXES, PASSWORD))
        return self._floor
