"""What a pass does beside what: nothing is copied before the source was counted, nothing reported before both sides
were looked at, and the way in is open no longer than a copy needs it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field

import pytest

from mailtenant.mailbox_copy import Alarm, MailboxCopier, SourceShrank, one_pass
from mailtenant.mailbox_copy import copier as copier_module
from mailtenant.mailbox_copy.imap import Folder, Reading
from mailtenant.mailbox_copy.sieve import Filters
from mailtenant.mailbox_copy.sync import Transport
from mailtenant.migration.sides import Direction, PassProgress, SideError
from mailtenant.shared_host import CopyAccess
from tests.unit.mailbox_copy.test_facts import Server

JO, ANN = "jo@acme.test", "ann@acme.test"


@dataclass
class Side:
    """The shared host and the tenant at once: a name, mailboxes, filters."""

    name: str
    note: Callable[[str], None]
    boxes: dict[str, Server] = field(default_factory=dict)
    scripts: dict[str, Filters] = field(default_factory=dict)
    held: bool = False
    fails: SideError | None = None
    silent: SideError | None = None
    copy_port: int = 1
    ca: str = ""

    @property
    def runner(self) -> "Side":
        return self

    imap = runner

    def frozen(self) -> bool:
        if self.silent:
            raise self.silent
        return self.held

    @contextmanager
    def copy_access(self, addresses: Sequence[str]) -> Iterator[CopyAccess]:
        if self.fails:
            raise self.fails
        self.note("open")
        try:
            yield CopyAccess("secret", self.held)
        finally:
            self.note("close")


@dataclass
class Told:
    """An IMAP session that notes what it is asked."""

    server: Server
    note: Callable[[str], None]

    def folders(self) -> list[Folder]:
        self.note("look")
        return self.server.folders()

    def folders_without_sizes(self) -> list[Folder]:
        self.note("census")
        return self.server.folders_without_sizes()

    def uids(self, names: Sequence[bytes]) -> list[frozenset[int]]:
        return self.server.uids(names)

    def read(self, asked: Sequence[tuple[bytes, int]]) -> list[Reading]:
        return self.server.read(asked)

    def stay(self) -> None:
        self.note("stay")


@dataclass
class Script:
    """A ManageSieve session."""

    side: Side
    address: str

    def logout(self) -> None:
        """One session is for both."""
        self.side.note(f"{self.side.name} filters read")

    def read(self) -> Filters:
        return self.side.scripts.get(self.address, Filters({}, None))

    def put(self, name: str, script: bytes) -> None:
        self.side.note(f"{self.side.name} put {name}")
        self.side.scripts[self.address] = Filters({**self.read().scripts, name: script}, self.read().active)

    def activate(self, name: str | None) -> None:
        self.side.scripts[self.address] = Filters(self.read().scripts, name)


@dataclass
class Stage:
    """Both sides, and all that was done, in order. `sync` may be replaced. `kept`: (mailbox, whether dsync leaves it
    to the end to put mail on the disk, whether what a crash left is looked for)."""

    done: list[str] = field(default_factory=list)
    kept: list[tuple[str, bool, bool]] = field(default_factory=list)
    sync: Callable[[str], str | None] = lambda _: None

    def __post_init__(self) -> None:
        self.old, self.new = (Side(name, self.done.append) for name in ("old", "new"))
        for address in (JO, ANN):
            self.old.boxes[address] = Server()
            self.new.boxes[address] = Server()
            for _ in range(3):
                self.old.boxes[address].add("INBOX")

    def copied(self, address: str) -> None:
        """What dsync does."""
        self.new.boxes[address].boxes = deepcopy(self.old.boxes[address].boxes)

    def copier(self, **settings: object) -> MailboxCopier:
        return MailboxCopier(self.old, self.new, **settings)  # type: ignore[arg-type]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()

    @contextmanager
    def both(side: Side, address: str) -> Iterator[tuple[Script, Told]]:
        if address not in side.boxes:
            raise SideError(f"{side.name}: {address}: no IMAP session")
        yield Script(side, address), Told(side.boxes[address], lambda what: made.done.append(f"{side.name} {what}"))

    @contextmanager
    def sieve(side: Side, address: str) -> Iterator[Script]:
        yield Script(side, address)

    def sync(
        side: Side, transport: Transport, direction: Direction, address: str, seconds: float, **more: object
    ) -> str | None:
        made.kept.append((address, "mail_fsync = never" in transport.config(), bool(more["before"])))
        made.done.append("sync")
        try:
            made.copied(address)
            return made.sync(address)
        finally:
            made.done.append("synced")

    for module, name, instead in (
        (one_pass, "both_sessions", both),
        (one_pass, "sieve_session", sieve),
        (one_pass, "sync", sync),
        (copier_module, "both_sessions", both),
    ):
        monkeypatch.setattr(module, name, instead)
    return made


def test_the_source_is_counted_before_and_both_sides_are_compared_after_the_copy(stage: Stage) -> None:
    seen: list[PassProgress] = []
    report = stage.copier().run(Direction.TO_TENANT, [JO, ANN], seen.append)
    assert report.errors() == () and report.differences() == ()
    assert seen[-1] == PassProgress(2, 2, 6, 6)

    stage.done.clear()
    stage.copier().run(Direction.TO_TENANT, [JO])
    first = stage.done.index
    assert first("old census") < first("sync") and first("open") < first("sync")
    assert stage.done.count("old look") == 2 and stage.done.count("new look") == 1
    assert {"old look", "new look"} <= set(stage.done[first("synced") :])
    assert "new look" not in stage.done[: first("synced")]


def test_the_way_in_is_closed_while_the_last_mailbox_is_still_compared(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = threading.Event()

    def note(what: str) -> None:
        stage.done.append(what)
        if what == "close":
            closed.set()

    stage.old.note = note
    looked = one_pass.look

    def look(imap: Told, state: object) -> object:
        # The comparison goes on only after the way in was closed: it does, since nothing else waits.
        if imap.server is stage.new.boxes[JO]:
            assert closed.wait(30)
        return looked(imap, state)  # type: ignore[arg-type]

    monkeypatch.setattr(one_pass, "look", look)
    assert stage.copier().run(Direction.TO_TENANT, [JO]).differences() == ()
    assert stage.done.index("close") > stage.done.index("synced")


def test_what_goes_from_a_frozen_source_during_the_copy_stops_all_mailboxes(stage: Stage) -> None:
    stage.old.held = True

    def loses(address: str) -> None:
        stage.old.boxes[address].expunge("INBOX", 0)
        stage.old.boxes[address].add("INBOX")

    stage.sync = loses
    with pytest.raises(SourceShrank, match="1 of 3 messages went missing on old"):
        stage.copier(parallel=1).run(Direction.TO_TENANT, [JO, ANN])
    assert stage.done.count("sync") == 1 and stage.done[-1] == "close"


def test_people_of_a_live_source_may_delete_some(stage: Stage) -> None:
    stage.sync = lambda address: stage.old.boxes[address].expunge("INBOX", 0)  # type: ignore[func-returns-value]
    report = stage.copier(alarm=Alarm(messages=1)).run(Direction.TO_TENANT, [JO])
    assert report.errors() == () and len(report.differences()) == 1


@pytest.mark.parametrize("failure", [None, "doveadm sync ended with 75"])
def test_filters_are_written_after_a_copy_that_went_well(stage: Stage, failure: str | None) -> None:
    stage.old.scripts[JO] = Filters({"main": b"keep;"}, "main")
    stage.sync = lambda _: failure
    report = stage.copier().run(Direction.TO_TENANT, [JO])
    written = "new put main" in stage.done
    assert written is (failure is None) and report.errors() == ((f"{JO}: {failure}",) if failure else ())
    assert bool(report.differences()) is bool(failure)
    if written:
        assert stage.done.index("new put main") > stage.done.index("synced")
        stage.done.clear()
        stage.copier().run(Direction.TO_TENANT, [JO])
        assert "new put main" not in stage.done


def test_late_mail_leaves_the_filters_of_a_side_in_use_alone(stage: Stage) -> None:
    stage.old.scripts[JO] = Filters({"main": b"keep;"}, "main")
    assert stage.copier().late(Direction.TO_TENANT, [JO]).errors() == ()
    assert not any("put" in what for what in stage.done)


def test_a_first_copy_is_put_on_the_disk_at_its_end_and_people_s_mail_at_once(stage: Stage) -> None:
    copier = stage.copier()
    copier.compare(Direction.TO_TENANT, [JO])
    for _ in range(2):
        copier.run(Direction.TO_TENANT, [JO])
    copier.late(Direction.TO_TENANT, [JO])
    copier.run(Direction.TO_SHARED, [JO])
    assert stage.kept == [(JO, True, True), (JO, False, True), (JO, False, False), (JO, False, False)]


def test_a_way_in_that_cannot_be_opened_is_the_passes_error_and_nothing_is_copied(stage: Stage) -> None:
    stage.old.fails = SideError("old: another change has held the lock for a minute")
    seen: list[PassProgress] = []
    with pytest.raises(SideError, match="held the lock"):
        stage.copier().run(Direction.TO_TENANT, [JO, ANN], seen.append)
    assert "sync" not in stage.done and seen == []


def test_a_source_that_does_not_say_whether_it_is_frozen_is_the_passes_error(stage: Stage) -> None:
    stage.new.silent = SideError("new: the database does not answer")
    seen: list[PassProgress] = []
    with pytest.raises(SideError, match="database"):
        stage.copier(parallel=1).run(Direction.TO_SHARED, [JO, ANN], seen.append)
    assert stage.done.count("sync") <= 1 and "close" in stage.done and seen == []


def test_a_mailbox_without_a_session_is_reported_and_keeps_nobody_waiting(stage: Stage) -> None:
    report = stage.copier(parallel=1).run(Direction.TO_TENANT, ["nobody@acme.test", JO])
    assert report.errors() == ("nobody@acme.test: old: nobody@acme.test: no IMAP session",)
    assert report.mailboxes[1].source == report.mailboxes[1].target and stage.done.count("sync") == 1


def test_sessions_that_wait_for_a_long_copy_are_kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_pass, "STAY", 0.001)
    stayed = threading.Event()

    class Done(list[str]):
        def append(self, what: str) -> None:
            super().append(what)
            if what == "new stay":
                stayed.set()

    stage.done = Done()
    stage.sync = lambda _: None if stayed.wait(30) else "nobody stayed"
    assert stage.copier().run(Direction.TO_TENANT, [JO]).errors() == ()
    assert "old stay" in stage.done


def test_an_error_of_the_caller_passes_through_and_closes_the_way_in(stage: Stage) -> None:
    def gone(_: PassProgress) -> None:
        raise RuntimeError("the lease was lost")

    with pytest.raises(RuntimeError, match="the lease was lost"):
        stage.copier().run(Direction.TO_TENANT, [JO], gone)
    assert "close" in stage.done
