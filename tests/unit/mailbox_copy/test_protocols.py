"""IMAP and ManageSieve as Dovecot speaks them, from recorded answers."""

import io

import pytest

from mailtenant.mailbox_copy.imap import Imap, ImapError, Message
from mailtenant.mailbox_copy.sieve import Filters, ManageSieve, mirror
from mailtenant.migration.sides import SideError


def imap(*lines: bytes) -> tuple[Imap, io.BytesIO]:
    written = io.BytesIO()
    return Imap(io.BytesIO(b"\r\n".join([b"* PREAUTH hello", *lines]) + b"\r\n"), written, "shared: jo"), written


def test_folders_with_odd_names_and_literals() -> None:
    session, written = imap(
        rb'* LIST (\HasNoChildren \Subscribed \Sent) "." Sent',
        b"* STATUS Sent (MESSAGES 2 UIDNEXT 5 UIDVALIDITY 7 HIGHESTMODSEQ 9 SIZE 100)",
        rb'* LIST (\HasNoChildren) "." {6}',
        rb"a\"b.c".replace(rb"\"", b'"') + b"x",
        b'* STATUS "a\\"b.cx" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 HIGHESTMODSEQ 4 SIZE 5)',
        rb'* LIST (\Noselect) "." Parent',
        b"a1 OK done",
    )
    sent, odd = session.folders()
    assert (sent.path, sent.subscribed, sent.special, sent.messages, sent.octets) == ("Sent", True, True, 2, 100)
    assert (odd.name, odd.path, odd.modseq) == (b'a"b.cx', 'a"b/cx', 4)
    assert written.getvalue().startswith(b'a1 LIST "" "*" RETURN (')


def test_changes_are_messages_and_uids_that_vanished() -> None:
    session, _ = imap(
        b"* VANISHED (EARLIER) 1:3,9",
        rb"* 4 FETCH (UID 12 FLAGS (\Seen $Label1 \Recent) X-GUID 1700.M1P2.mail MODSEQ (17))",
        b'* 5 FETCH (UID 13 FLAGS () X-GUID "with space" MODSEQ (18))',
        b"a1 OK done",
    )
    gone, changed = session.changes(16)
    assert gone == [1, 2, 3, 9]
    assert changed == [Message(12, b"1700.M1P2.mail", (b"$label1", b"\\seen")), Message(13, b"with space", ())]


def test_a_refusal_and_a_broken_session_are_errors_without_passwords() -> None:
    session, _ = imap(b"a1 NO [AUTHENTICATIONFAILED] no")
    with pytest.raises(ImapError, match="shared: jo: LOGIN: NO") as refused:
        session.login("jo", "secret word")
    assert "secret" not in str(refused.value)
    with pytest.raises(ImapError, match="ended without an answer"):
        imap()[0].folders()


def sieve(*lines: bytes) -> tuple[ManageSieve, io.BytesIO]:
    written = io.BytesIO()
    return ManageSieve(
        io.BytesIO(b"\r\n".join([b'OK "ready"', b'OK (TAG "begin") "Done"', *lines]) + b"\r\n"), written, "tenant: jo"
    ), written


def test_filters_are_read_whole() -> None:
    session, written = sieve(
        b'"main" ACTIVE', b'"spare"', b'OK "listed"', b"{9}", b'keep;\r\n"x', b"OK", b'"stop;"', b"OK"
    )
    assert session.read() == Filters({"main": b'keep;\r\n"x', "spare": b"stop;"}, "main")
    assert b"GETSCRIPT {4+}\r\nmain\r\n" in written.getvalue()


def test_only_what_differs_is_written_and_the_targets_own_filters_stay() -> None:
    session, written = sieve(b'"main"', b'"own" ACTIVE', b"OK", b'"old"', b"OK", b'"own"', b"OK", b"OK", b"OK")
    assert mirror(Filters({"main": b"new"}, "main"), session) == []
    said = written.getvalue()
    assert said.count(b"PUTSCRIPT") == 1 and b"SETACTIVE {4+}\r\nmain" in said and b"DELETESCRIPT" not in said


def test_a_filter_that_the_target_cannot_compile_is_named_and_nothing_is_activated() -> None:
    session, written = sieve(b"OK", b'NO "unknown extension"')
    [error] = mirror(Filters({"main": b"x"}, "main"), session)
    assert error.startswith("tenant: jo: filter main: NO") and b"SETACTIVE" not in written.getvalue()


def test_a_session_that_never_began_is_an_error() -> None:
    with pytest.raises(SideError, match="ended without an answer to the first command"):
        ManageSieve(io.BytesIO(b""), io.BytesIO(), "tenant: jo")
