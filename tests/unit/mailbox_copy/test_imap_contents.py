"""How a foreign server's folders are read, and what of two mailboxes is an error or only costs mail programs time."""

import imaplib
from dataclasses import replace
from typing import Any

import pytest

from mailtenant.mailbox_copy.imap_contents import (
    Contents,
    Holdings,
    Mail,
    compare,
    in_use,
    look,
    missing,
    readable,
    strangers,
)


def folder(uidvalidity: int, *uids: int, flags: bytes = b"\\seen", received: float = 1.0) -> Contents:
    mails = {uid: Mail(frozenset({flags}), received, 10) for uid in uids}
    return Contents(b"", uidvalidity, max(uids, default=0) + 1, mails)


def held(subscribed: tuple[str, ...] = (), **folders: Contents) -> Holdings:
    return Holdings({name.replace("_", "/"): found for name, found in folders.items()}, frozenset(subscribed))


def test_missing_mail_is_an_error_and_new_uids_are_a_warning() -> None:
    there = held(INBOX=folder(7, 1, 2, 5), Sent=folder(8, 1, 2), Old_2019=folder(9, 1), Moved=folder(4, 1))
    here = held(INBOX=folder(99, 1, 2, 5), Sent=folder(8, 1), Moved=folder(4, 2), Drafts=folder(5))
    seen = compare(there, there, here)
    assert seen.errors == ("Old/2019: is missing here", "Sent: 2 messages there, 1 here")
    assert seen.warnings == tuple(
        f"{name}: UIDs are new here; mail programs will load it again" for name in ("INBOX", "Moved")
    )
    assert not seen.uids_kept


def test_what_comes_and_goes_while_a_pass_runs_is_no_difference() -> None:
    before = held(INBOX=folder(7, 1, 2, 3), Gone=folder(9, 1))
    after = held(INBOX=folder(7, 2, 3, 4), New=folder(10, 1))
    seen = compare(before, after, held(INBOX=folder(7, 1, 2, 3)))
    assert (seen.warnings, seen.errors, seen.uids_kept) == ((), (), True)


def test_other_flags_dates_and_subscriptions_are_told() -> None:
    there = held(("INBOX", "Gone"), INBOX=folder(7, 1, 2))
    here = held(INBOX=folder(7, 1, 2, flags=b"$later", received=2.0))
    assert compare(there, there, here).warnings == (
        "INBOX: flags of 2 messages differ",
        "INBOX: dates of 2 messages differ",
        "INBOX: is not subscribed here",
    )


def test_mail_that_no_copy_has_brought_is_told_by_its_uidvalidity() -> None:
    there = held(INBOX=folder(7, 1), Sent=folder(8, 1), Half=folder(5, 1, 2), Empty=folder(4, 1))
    here = held(INBOX=folder(99, 1, 2), Sent=folder(8, 1), Half=folder(5, 1), Empty=folder(98), Own=folder(97, 1))
    [line] = strangers(there, here)
    assert line.startswith("INBOX: holds 2 messages that no copy of it has brought")


@pytest.mark.parametrize(
    ("there", "here", "common"),
    [
        (folder(7, 1, 2, 5), folder(7, 1, 2, 5), None),
        (folder(7, 1, 2, 5, 6), folder(7, 1, 2), None),
        (folder(7, 1, 5), folder(7, 1, 2), None),
        (folder(7, 1, 2), folder(7, 1, 2, 3), 2),
        (folder(7, 1, 2, 3), folder(7, 1, 3), 3),
        (folder(8, 1, 2), folder(7, 1, 2, 3), None),
        (folder(7), folder(7, 1), 0),
    ],
    ids=["equal", "came there", "gone there", "came here", "gone here", "never copied", "only here"],
)
def test_a_folder_is_in_use_here_when_it_is_not_as_a_copy_leaves_it(
    there: Contents, here: Contents, common: int | None
) -> None:
    assert in_use(held(INBOX=there), held(INBOX=here)) == ({} if common is None else {"INBOX": common})


def test_two_messages_under_one_uid_are_told_apart_by_date_and_size() -> None:
    there, here = folder(7, 1, 2), folder(7, 1, 2)
    clash = replace(here, mails={**here.mails, 2: Mail(frozenset({b"\\seen"}), 1.0, 11)})
    assert in_use(held(INBOX=there), held(INBOX=clash)) == {"INBOX": 1}
    assert compare(held(INBOX=there), held(INBOX=there), held(INBOX=clash)).warnings == (
        "INBOX: sizes of 1 messages differ",
    )
    taken = replace(here, mails={**here.mails, 2: Mail(frozenset(), 2.0, 11)})
    [line] = compare(held(INBOX=there), held(INBOX=there), held(INBOX=taken)).errors
    assert line == "INBOX: 1 messages are not here, other mail has their UIDs; run it again"
    assert compare(held(INBOX=there), held(INBOX=there), held(), ["INBOX"]).errors == ()


def test_what_a_pass_would_bring_is_counted_by_folder() -> None:
    assert missing(held(A=folder(1, 1, 2), B=folder(1, 1)), held(A=folder(1, 1), C=folder(1, 1, 2, 3))) == 2


@pytest.mark.parametrize(
    ("name", "shown"), [("Entw&APw-rfe", "Entwürfe"), ("A&-B", "A&B"), ("&2D3eAA-", "😀"), ("&broken", "&broken")]
)
def test_names_are_shown_as_people_type_them(name: str, shown: str) -> None:
    assert readable(name) == shown


class Server:
    """Answers as imaplib gives them. `states`: name as it is asked for → STATUS."""

    def __init__(
        self,
        listed: list[Any],
        states: dict[bytes, tuple[str, list[Any]]],
        mails: dict[bytes, list[bytes]] | None = None,
        capabilities: bytes = b"",
    ) -> None:
        self._listed, self._states, self._mails, self._capabilities = listed, states, mails or {}, capabilities

    def capability(self) -> tuple[str, Any]:
        return "OK", [b"IMAP4rev1 " + self._capabilities]

    def lsub(self) -> tuple[str, Any]:
        return "OK", self._listed[:1]

    def namespace(self) -> tuple[str, Any]:
        return "OK", [b'(("INBOX." ".")) NIL NIL']

    def status(self, name: bytes, items: str) -> tuple[str, list[Any]]:
        return self._states[name]

    def select(self, name: bytes, *, readonly: bool) -> tuple[str, list[Any]]:
        assert readonly
        self._open = self._mails.get(name, [])
        return "OK", [b"%d" % len(self._open)]

    def fetch(self, which: str, items: str) -> tuple[str, list[Any]]:
        assert self._open, "1:* of an empty folder"
        return "OK", self._open

    # The last one: behind it `list` is no type any more.
    def list(self) -> tuple[str, Any]:
        return "OK", self._listed


STATE = ("OK", [b'"any (thing)" (uidnext 9 UIDVALIDITY 7)'])


def test_folders_of_any_name_are_read() -> None:
    listed = [
        rb'(\HasChildren) "." Inbox', rb'(\HasNoChildren) "." "INBOX.Sent Mail"', rb'(\NoSelect) "." Parent',
        (rb'(\HasNoChildren) "." {6}', rb'a"b.cx'), b"", rb'(\NonExistent) "." Away', rb'(\Marked) "." "x\\y/z"',
        rb'(\HasNoChildren) NIL "flat.name"',
    ]  # fmt: skip
    states: dict[bytes, tuple[str, list[Any]]] = {
        b'"Inbox"': STATE, b'"INBOX.Sent Mail"': STATE, rb'"x\\y/z"': STATE, b'"flat.name"': STATE,
        rb'"a\"b.cx"': ("OK", [(b"{6}", rb'a"b.cx'), b" (UIDNEXT 4 UIDVALIDITY 8)"]),
    }  # fmt: skip
    found = look(Server(listed, states))  # type: ignore[arg-type]
    assert {path: contents.uidvalidity for path, contents in found.folders.items()} == {
        "INBOX": 7, "INBOX/Sent Mail": 7, 'a"b/cx': 8, "x\\y_z": 7, "flat.name": 7,
    }  # fmt: skip
    assert found.subscribed == {"INBOX"} and found.messages == 0 and found.folders["INBOX"].name == b"Inbox"


def test_messages_of_a_server_that_keeps_all_below_inbox_are_read() -> None:
    listed = [rb'() "." INBOX', rb'() "." INBOX.Sent']
    line = rb'1 (UID 4 FLAGS (\Seen \Recent $Later) INTERNALDATE " 1-Feb-2024 10:00:00 +0100" RFC822.SIZE 321)'
    states = {b'"INBOX"': STATE, b'"INBOX.Sent"': STATE}
    found = look(Server(listed, states, {b'"INBOX.Sent"': [line]}, b"NAMESPACE"))  # type: ignore[arg-type]
    assert found.prefix == "INBOX." and found.octets == 321
    seen = {4: Mail(frozenset({b"\\seen", b"$later"}), 1706778000.0, 321)}
    assert found.folders["Sent"] == Contents(b"INBOX.Sent", 7, 9, seen)


def test_a_folder_that_cannot_be_asked_is_an_error_of_the_mailbox() -> None:
    for answer, said in (
        (("NO", [b"[SERVERBUG] index is broken"]), "index is broken"),
        (("OK", [b"INBOX ()"]), "no answer to STATUS of 'INBOX'"),
    ):
        with pytest.raises(imaplib.IMAP4.error, match=said):
            look(Server([rb'() "." INBOX'], {b'"INBOX"': answer}))  # type: ignore[arg-type]
