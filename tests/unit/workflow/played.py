"""Two mail systems, DNS and a stack in memory, with traffic that never stops and a ledger of what was answered 250.

They keep the contracts of `mailtenant.migration.sides` and `mailtenant.workflow.ports`; whatever goes on between two
operations of the workflow (mail from outside, mail from within, clients that read, flag and delete) happens in
`traffic`, so a step that leaves a gap is found out.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailtenant.accounts.model import StoredMailbox
from mailtenant.migration.evidence import CopyReport, DnsSeen, FolderFacts, MailboxReport, Probe, SmokeTest
from mailtenant.migration.sides import Activity, CustomerAccounts, Direction, PassProgress
from mailtenant.settings.existing import Phase
from mailtenant.workflow.ports import Change, Estimate, Finding, Move

ADDRESSES = ("jo@acme.test", "ann@acme.test")
TTL = timedelta(hours=1)


class Killed(BaseException):
    """The worker's process ends here."""


@dataclass
class System:
    """A mail system: `mode` open, frozen or relay; `boxes`: address → message id → flags. `admits`: its tables say that
    logins are denied, and its servers let people in all the same."""

    name: str
    mode: str = "open"
    boxes: dict[str, dict[str, str]] = field(default_factory=dict)
    queue: list[tuple[str, str]] = field(default_factory=list)
    up: bool = True
    to: "System | None" = None
    admits: bool = False
    sessions: int = 0

    def accept(self, message: str, address: str) -> int:
        """What this server answers to a message from outside."""
        if not self.up or self.mode == "frozen":
            return 450
        if address not in self.boxes:
            return 550
        self.deliver(message, address)
        return 250

    def deliver(self, message: str, address: str) -> None:
        if self.mode == "open":
            assert message not in self.boxes[address], f"{message} comes to {self.name} a second time"
            self.boxes[address][message] = ""
        else:
            self.queue.append((message, address))

    def flush(self) -> None:
        waiting, self.queue = self.queue, []
        for message, address in waiting:
            if self.mode == "open":
                self.deliver(message, address)
            elif self.mode == "relay" and self.to is not None and self.to.accept(message, address) == 250:
                continue
            else:
                self.queue.append((message, address))


class World:
    """Everything outside of the workflow. `userinfo`: which host clients are sent to now."""

    def __init__(self, clock: Callable[[], datetime], userinfo: Callable[[], str], seed: int = 1) -> None:
        self.clock, self.userinfo, self.chance = clock, userinfo, random.Random(seed)
        self.shared = System("shared", boxes={address: {} for address in ADDRESSES})
        self.tenant = System("tenant", up=False)
        self.phase: Phase | None = None
        self.cached: tuple[str, datetime] | None = None
        self.entered = True
        self.outside: list[tuple[str, str]] = []
        self.accepted: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.refused: list[str] = []
        self.synced: dict[str, set[str]] = {}
        self.count = 0
        self.log: list[str] = []
        self.before: Callable[[int, str], None] = lambda number, name: None
        self.after: Callable[[int, str], None] = lambda number, name: None
        self.between: Callable[[str], None] = lambda address: None
        self.running = 0
        self.overlaps = 0
        for number in range(6):
            self._arrive(self.shared, f"old-{number}", ADDRESSES[number % 2])

    # --- what the workflow calls is counted, may be struck, and has traffic around it

    @contextmanager
    def operation(self, name: str) -> Iterator[None]:
        number = len(self.log)
        self.log.append(name)
        self.running += 1
        self.overlaps = max(self.overlaps, self.running)
        try:
            self.traffic()
            self.before(number, name)
            yield
            self.traffic()
            self.after(number, name)
        finally:
            self.running -= 1

    # --- traffic

    def mx(self) -> System:
        """Where a sender goes: some remember the MX of before."""
        now = self.tenant if self.phase in ("cutover", "settled") else self.shared
        if self.cached is not None and self.clock() < self.cached[1] and self.chance.random() < 0.5:
            return self.shared if self.cached[0] == "shared" else self.tenant
        return now

    def set_phase(self, phase: Phase) -> None:
        if (self.phase in ("cutover", "settled")) != (phase in ("cutover", "settled")):
            before = "tenant" if self.phase in ("cutover", "settled") else "shared"
            self.cached = (before, self.clock() + TTL)
        self.phase = phase

    def traffic(self) -> None:
        """A moment of life: mail from outside, clients within, queues that are tried again."""
        for system in (self.shared, self.tenant):
            system.flush()
        waiting, self.outside = self.outside, []
        self.count += 1
        for message, address in [*waiting, (f"in-{self.count}", ADDRESSES[self.count % 2])]:
            self._arrive(self.mx(), message, address)
        self._client(self.shared if self.userinfo() == "shared" else self.tenant)

    def _arrive(self, server: System, message: str, address: str) -> None:
        answer = server.accept(message, address)
        if answer == 250:
            self.accepted[message] = address
        elif answer < 500:
            self.outside.append((message, address))
        else:
            self.refused.append(f"{server.name} {answer} {message}")

    def slips_in(self, server: System, message: str) -> None:
        """A program that is still logged in, although nobody should be, files a message."""
        server.boxes[ADDRESSES[0]][message] = ""
        self.accepted[message] = ADDRESSES[0]

    def _client(self, server: System) -> None:
        if server.mode != "open" or not server.up:
            return
        sender, recipient = self.chance.sample(ADDRESSES, 2)
        if sender not in server.boxes:
            self.refused.append(f"{server.name} knows no {sender}")
            return
        for box in (sender, recipient):
            message = f"own-{self.count}-{box}"
            server.deliver(message, box)
            self.accepted[message] = box
        seen = self.chance.choice(list(server.boxes[sender]))
        server.boxes[sender][seen] = f"flagged-{self.count}"
        if self.count % 7 == 0:
            del server.boxes[sender][seen]
            self.deleted.add(seen)

    def settle_down(self, moments: int = 30) -> None:
        """Until nothing is on its way any more."""
        for _ in range(moments):
            for system in (self.shared, self.tenant):
                system.flush()
            waiting, self.outside = self.outside, []
            for message, address in waiting:
                self._arrive(self.mx(), message, address)

    def verdict(self, serving: System) -> list[str]:
        """What is wrong with the ledger: nothing, if every mail is in exactly one mailbox of the serving side, once."""
        problems = [f"refused: {line}" for line in self.refused]
        problems += [f"still on its way: {mail}" for mail in (*self.outside, *self.shared.queue, *self.tenant.queue)]
        for message, address in self.accepted.items():
            there = [box for box, messages in serving.boxes.items() if message in messages]
            wanted = [] if message in self.deleted else [address]
            if there != wanted:
                problems.append(f"{message} for {address} is in {there}")
        return problems


class PlayedSide:
    """`MailSide` and `TenantSide` for one of the systems."""

    def __init__(self, world: World, system: System) -> None:
        self._world, self._system = world, system

    def accounts(self) -> CustomerAccounts:
        with self._world.operation(f"{self._system.name}.accounts"):
            boxes = [StoredMailbox(address, "{PLAIN}x", None, "") for address in sorted(self._system.boxes)]
            return CustomerAccounts(tuple(boxes), ())

    def import_accounts(self, accounts: CustomerAccounts) -> None:
        with self._world.operation(f"{self._system.name}.import_accounts"):
            for mailbox in accounts.mailboxes:
                self._system.boxes.setdefault(mailbox.address, {})

    def freeze(self) -> None:
        with self._world.operation(f"{self._system.name}.freeze"):
            self._system.mode = "frozen"

    def thaw(self) -> None:
        with self._world.operation(f"{self._system.name}.thaw"):
            self._system.mode = "open"
            self._system.flush()

    def relay(self, host: str) -> None:
        with self._world.operation(f"{self._system.name}.relay"):
            self._system.to = self._world.tenant if self._system is self._world.shared else self._world.shared
            assert host.startswith(self._system.to.name)
            self._system.mode = "relay"

    def activity(self) -> Activity:
        with self._world.operation(f"{self._system.name}.activity"):
            return Activity(self._system.sessions, 0, len(self._system.queue))

    def admitted(self) -> Sequence[str]:
        with self._world.operation(f"{self._system.name}.admitted"):
            return ["imap @acme.test"] if self._system.mode == "open" or self._system.admits else []


class PlayedCopier:
    """`sync -1`: what was there since the last pass on the side that is copied to stays."""

    def __init__(self, world: World) -> None:
        self._world = world

    def run(
        self,
        direction: Direction,
        addresses: Sequence[str],
        advance: Callable[[PassProgress], None] = lambda _: None,
    ) -> CopyReport:
        world = self._world
        source, target = self._sides(direction)
        with world.operation(f"copy.{direction}"):
            reports = []
            for number, address in enumerate(addresses):
                old, new = source.boxes[address], target.boxes[address]
                for gone in (world.synced.get(address, set()) - old.keys()) & new.keys():
                    del new[gone]
                new.update(old)
                world.synced[address] = set(old)
                advance(PassProgress(number + 1, len(addresses), len(old), len(old) * 100))
                reports.append(MailboxReport(address, {"INBOX": facts(old)}, {"INBOX": facts(new)}))
                world.between(address)
            return CopyReport(len(addresses), tuple(reports))

    def holds(self, direction: Direction, addresses: Sequence[str]) -> Mapping[str, Mapping[str, FolderFacts]]:
        source, _ = self._sides(direction)
        with self._world.operation(f"holds.{direction}"):
            return {address: {"INBOX": facts(source.boxes[address])} for address in addresses}

    def late(self, direction: Direction, addresses: Sequence[str]) -> CopyReport:
        source, target = self._sides(direction)
        with self._world.operation(f"late.{direction}"):
            for address in addresses:
                new = source.boxes[address].keys() - self._world.synced[address]
                target.boxes[address].update({message: source.boxes[address][message] for message in new})
                self._world.synced[address] |= new
            return CopyReport(len(addresses), tuple(MailboxReport(address, {}, {}) for address in addresses))

    def _sides(self, direction: Direction) -> tuple[System, System]:
        pair = (self._world.shared, self._world.tenant)
        return pair if direction is Direction.TO_TENANT else (pair[1], pair[0])


def facts(box: dict[str, str]) -> FolderFacts:
    return FolderFacts(len(box), len(box) * 100, 1, repr(sorted(box.items())))


class PlayedStack:
    def __init__(self, world: World) -> None:
        self._world = world

    def up(self, phase: Phase) -> None:
        with self._world.operation(f"stack.{phase}"):
            self._world.tenant.up = True
            self._world.set_phase(phase)

    def smoke(self) -> SmokeTest:
        with self._world.operation("stack.smoke"):
            return SmokeTest(self._world.tenant.mode == "open")

    def take_down(self, *, keep: bool) -> None:
        with self._world.operation("stack.take_down"):
            assert self._world.phase == "adopted"
            self._world.tenant.up = keep


class PlayedDns:
    def __init__(self, world: World) -> None:
        self._world = world

    def seen(self, phase: Phase) -> DnsSeen:
        with self._world.operation(f"dns.seen.{phase}"):
            right = self._world.phase == phase and self._world.entered
            return DnsSeen(2, True, False) if right else DnsSeen(0, False, False, ("acme.test MX",))

    def remembered(self, phase: Phase) -> timedelta:
        return TTL

    def sheet(self) -> str:
        return "acme.test MX …"

    def sheet_back(self) -> str:
        return "acme.test MX … back"

    def changes(self) -> Sequence[Change]:
        return (Change("cutover", "acme.test", "acme.test", "MX", "10 shared", "10 tenant", False),)


class PlayedProbes:
    def __init__(self, world: World) -> None:
        self._world = world

    def round(self) -> tuple[Probe, ...]:
        with self._world.operation("probes"):
            return (Probe("login", self._world.tenant.mode == "open"), Probe("mx", self._world.phase == "cutover"))


class PlayedMoves:
    """Always the same move."""

    def __init__(self, world: World) -> None:
        self._world = world

    def open(self, label: str) -> Move:
        world = self._world
        return Move(
            label, PlayedSide(world, world.shared), "shared.test", PlayedSide(world, world.tenant), "tenant.test",
            PlayedCopier(world), PlayedStack(world), PlayedDns(world), PlayedProbes(world),
        )  # fmt: skip

    def preflight(self, label: str) -> Sequence[Finding]:
        with self._world.operation("preflight"):
            return (Finding("settings", True, "valid"),)

    def estimate(self, label: str) -> Estimate:
        return Estimate(dict.fromkeys(ADDRESSES, 1000), 1, 1)
