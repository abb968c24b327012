"""A pass from a foreign server: what is an error, what only costs mail programs time, and how its folders are read."""

import imaplib
from typing import Any

import pytest

from mailtenant.mailbox_copy import imap_source
from mailtenant.mailbox_copy.imap_source import ImapSource, certain, compare_counts, strangers
from mailtenant.migration.sides import SideError


def test_missing_mail_is_an_error_and_new_uids_are_a_warning() -> None:
    there = {"INBOX": (3, 7), "Sent": (2, 8), "Old/2019": (1, 9), "Same": (4, 1)}
    here = {"INBOX": (3, 99), "Sent": (1, 8), "Same": (5, 1), "Drafts": (0, 5)}
    warnings, errors = compare_counts(there, here)
    assert warnings == ("INBOX: UIDs are new here; mail programs will load it again",)
    assert errors == ("Old/2019: is missing here", "Sent: 2 messages there, 1 here")


def test_what_comes_and_goes_while_a_pass_runs_is_no_error() -> None:
    before = {"INBOX": (3, 7), "Sent": (2, 8), "Gone": (1, 9)}
    after = {"INBOX": (5, 7), "Sent": (1, 8), "New": (1, 10)}
    assert certain(before, after) == {"INBOX": (3, 7), "Sent": (1, 8)}


def test_mail_that_no_copy_has_brought_is_told_by_its_uidvalidity() -> None:
    there = {"INBOX": (3, 7), "Sent": (2, 8), "Half": (9, 5), "Empty": (1, 4)}
    here = {"INBOX": (2, 99), "Sent": (1, 8), "Half": (4, 5), "Empty": (0, 98), "Own": (1, 97)}
    [line] = strangers(there, here)
    assert line.startswith("INBOX: holds 2 messages that no copy of it has brought")


class Server:
    """Answers as imaplib gives them. `states`: name as it is asked for → STATUS."""

    def __init__(self, listed: list[Any], states: dict[bytes, tuple[str, list[Any]]]) -> None:
        self._listed, self._states = listed, states

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def login(self, user: str, password: str) -> None:
        password.encode("ascii")
        assert user == "jo@acme.test*admin"

    def status(self, name: bytes, items: str) -> tuple[str, list[Any]]:
        return self._states[name]

    def list(self) -> tuple[str, Any]:
        return "OK", self._listed


def counts(monkeypatch: pytest.MonkeyPatch, server: Server, master: str = "pw") -> Any:
    monkeypatch.setattr(imap_source.imaplib, "IMAP4_SSL", lambda *_, **__: server)
    return ImapSource("old.test", "admin", master).counts("jo@acme.test")


def test_folders_of_any_name_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [
        rb'(\HasChildren) "." INBOX', rb'(\HasNoChildren) "." "INBOX.Sent Mail"', rb'(\NoSelect) "." Parent',
        (rb'(\HasNoChildren) "." {6}', rb'a"b.cx'), b"", rb'(\NonExistent) "." Away', rb'(\Marked) "." "x\\y"',
        rb'(\HasNoChildren) NIL "flat.name"',
    ]  # fmt: skip

    def state(messages: int) -> tuple[str, list[Any]]:
        return "OK", [b'"any (thing)" (messages %d UIDVALIDITY 7)' % messages]

    states = {
        b'"INBOX"': state(1), b'"INBOX.Sent Mail"': state(2), rb'"x\\y"': state(4), b'"flat.name"': state(5),
        rb'"a\"b.cx"': ("OK", [(b"{6}", rb'a"b.cx'), b" (MESSAGES 3 UIDVALIDITY 7)"]),
    }  # fmt: skip
    assert counts(monkeypatch, Server(listed, states)) == {
        "INBOX": (1, 7), "INBOX/Sent Mail": (2, 7), 'a"b/cx': (3, 7), "x\\y": (4, 7), "flat.name": (5, 7),
    }  # fmt: skip


def test_a_folder_that_cannot_be_asked_is_an_error_of_the_mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = Server([rb'() "." INBOX'], {b'"INBOX"': ("NO", [b"[SERVERBUG] index is broken"])})
    with pytest.raises(SideError, match="index is broken"):
        counts(monkeypatch, refusing)
    with pytest.raises(SideError, match="not ASCII") as refused:
        counts(monkeypatch, refusing, "pässword")
    assert "ssword" not in str(refused.value).replace("password", "")
    assert issubclass(imaplib.IMAP4.abort, imaplib.IMAP4.error)
