"""A pass over several mailboxes with played servers: who is copied, who is not, what ends it for all."""

import imaplib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mailtenant.mailbox_copy import imap_pass
from mailtenant.mailbox_copy.imap_contents import Contents, Holdings, Mail
from mailtenant.mailbox_copy.imap_pass import CopiedMailbox, ImapCopy
from mailtenant.mailbox_copy.imap_source import HungUp, ImapSource, LoginRefused, SourceMailbox
from mailtenant.mailbox_copy.one_pass import SourceShrank
from mailtenant.migration.sides import SideError
from mailtenant.runner import HostGone

MIB = 2**20


def inbox(*uids: int, octets: int = 10, uidvalidity: int = 7) -> Holdings:
    mails = {uid: Mail(frozenset(), 1.0, octets) for uid in uids}
    return Holdings({"INBOX": Contents(b"INBOX", uidvalidity, max(uids, default=0) + 1, mails)}, frozenset())


@dataclass
class World:
    """What each side holds, by local part; what a copy does is `copy`."""

    there: dict[str, Holdings]
    here: dict[str, Holdings] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    at_once: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        pass

    @contextmanager
    def session(self, box: SourceMailbox) -> Iterator[Any]:
        self.tried.append(box.login)
        if box.login.startswith("away"):
            raise HungUp(f"the server ended the connection at login as {box.login}")
        if box.login not in self.there:
            raise LoginRefused(f"old.test:993: login as {box.login} was refused")
        yield self.there[box.login]

    def copy(self, login: str) -> str | None:
        self.here[login] = self.there[login]
        return None


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World({"jo": inbox(1, 2), "ann": inbox(1)})

    def sync(_: object, __: object, ___: object, address: str, ____: float, *, exclude: list[str]) -> str | None:
        login = address.partition("@")[0]
        made.excluded = exclude
        with made.lock:
            made.copied.append(login)
            made.at_once += 1
            made.most = max(made.most, made.at_once)
        try:
            return made.copy(login)
        finally:
            with made.lock:
                made.at_once -= 1

    def opened(_: object, source: ImapSource) -> Any:
        made.source = source  # type: ignore[attr-defined]
        return nullcontext(made)

    monkeypatch.setattr(imap_pass, "opened", opened)
    monkeypatch.setattr(imap_pass, "look", lambda client: client)
    monkeypatch.setattr(imap_pass, "imapc", lambda *_, **__: None)
    monkeypatch.setattr(imap_pass, "sync", sync)
    monkeypatch.setattr(
        ImapCopy,
        "_session",
        lambda _, address: nullcontext(made.here.get(address.partition("@")[0], inbox(uidvalidity=1))),
    )
    made.ca_file = ""  # type: ignore[attr-defined]
    return made


def copy(*logins: str, master: str = "admin", **more: Any) -> tuple[ImapCopy, list[SourceMailbox]]:
    boxes = [SourceMailbox(f"{login}@acme.test", login) for login in logins]
    quotas: Mapping[str, int] = {box.address: 1 for box in boxes}
    source = ImapSource("old.test", 993, master=master, password="pw")
    return ImapCopy(None, "acme", source, quotas, **more), boxes  # type: ignore[arg-type]


def ran(*logins: str, **more: Any) -> list[CopiedMailbox]:
    made, boxes = copy(*logins, **more)
    return made.run(boxes)


def test_what_was_brought_is_counted_and_a_mailbox_that_fails_does_not_stop_the_others(world: World) -> None:
    seen: list[CopiedMailbox] = []
    made, boxes = copy("jo", "nobody", "ann")
    found = made.run(boxes, seen.append)
    assert [(box.brought, box.uids_kept, bool(box.errors)) for box in found] == [
        (2, True, False), (0, None, True), (1, True, False),
    ]  # fmt: skip
    assert sorted(seen, key=lambda box: box.address) == sorted(found, key=lambda box: box.address)
    assert [box.brought for box in made.run(boxes[:1])] == [0]


def test_a_plan_copies_nothing(world: World) -> None:
    made, boxes = copy("jo")
    assert made.plan(boxes) == [CopiedMailbox("jo@acme.test", 1, 2, 20, 2)]
    assert world.copied == []


def test_what_does_not_fit_or_is_not_ours_is_not_copied(world: World) -> None:
    world.there["jo"] = inbox(1, 2, octets=MIB)
    world.here["ann"] = inbox(1, uidvalidity=99)
    found = ran("jo", "ann")
    assert found[0].errors == (
        "holds 2.0 MiB there, its quota here is 1 MiB; raise it: mailtenant mailbox quota acme jo@acme.test 3",
    )
    assert "no copy of it has brought" in found[1].errors[0] and world.copied == []
    made, boxes = copy("jo")
    [unknown] = replace(made, quotas={}).run(boxes)
    assert "mailtenant mailbox add acme jo@acme.test" in unknown.errors[0]


def test_a_folder_in_use_here_is_left_out_and_gets_what_came_later_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.here["jo"] = inbox(1, 2, 3)
    monkeypatch.setattr(world, "copy", lambda _: None)
    asked: list[Mapping[str, int]] = []

    def add(*given: Any) -> Iterator[tuple[str, int]]:
        asked.append(given[-1])
        yield "INBOX", 4

    monkeypatch.setattr(imap_pass, "add_late", add)
    made, boxes = copy("jo")
    assert made.plan(boxes)[0].warnings == ("INBOX: is in use here",)
    [report] = made.run(boxes)
    assert report.errors == () and report.warnings == (
        "INBOX: is in use here; 4 messages that came later were added, nothing else",
    )
    assert asked == [{"INBOX": 2}] and world.excluded == ["INBOX"]


def test_a_copy_that_failed_or_left_something_out_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "copy", lambda login: "doveadm sync ended with 75" if login == "jo" else None)
    found = ran("jo", "ann")
    assert found[0].errors == ("doveadm sync ended with 75",) and found[0].uids_kept is None
    assert found[1].errors == ("INBOX: 1 messages there, 0 here",)


@pytest.mark.parametrize(("master", "said"), [("admin", "check master user admin"), ("", "check logins and passwords")])
def test_few_refused_logins_end_it_so_that_nobody_is_locked_out(world: World, master: str, said: str) -> None:
    with pytest.raises(LoginRefused, match=said):
        ran("a", "b", "c", "d", "jo", master=master)
    assert world.tried == ["a", "b", "c"]


def test_mailboxes_that_the_server_does_not_have_are_no_wrong_passwords(world: World) -> None:
    found = ran("away1", "away2", "away3", "away4", "jo")
    assert [bool(box.errors) for box in found] == [True, True, True, True, False]
    assert bool(ran("away1")[0].errors)


def test_no_more_mailboxes_than_said_are_copied_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    logins = [f"p{number}" for number in range(6)]
    world.there |= dict.fromkeys(logins, inbox(1))
    meeting = threading.Barrier(3, timeout=20)

    def together(login: str) -> None:
        meeting.wait()
        world.here[login] = world.there[login]

    monkeypatch.setattr(world, "copy", together)
    assert all(not box.errors for box in ran(*logins, parallel=3))
    assert world.most == 3


@pytest.mark.parametrize("ends", [SourceShrank, HostGone])
def test_a_source_that_shrinks_or_a_container_that_is_gone_ends_it_for_all(
    world: World, monkeypatch: pytest.MonkeyPatch, ends: type[SideError]
) -> None:
    world.there["jo"] = inbox(*range(1, 40))

    def strikes(login: str) -> None:
        if ends is HostGone:
            raise HostGone("mt-acme-imap: the container is not running")
        world.there[login] = inbox(1)

    monkeypatch.setattr(world, "copy", strikes)
    with pytest.raises(ends, match=r"38 of 39 messages went missing|not running"):
        ran("jo", "ann", parallel=1)
    assert world.copied == ["jo"]


def test_a_servers_refusal_is_an_error_of_ours() -> None:
    # `imap_over` tells them apart by this.
    assert issubclass(imaplib.IMAP4.abort, imaplib.IMAP4.error) and issubclass(LoginRefused, SideError)
