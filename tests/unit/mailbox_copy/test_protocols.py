"""IMAP and ManageSieve as Dovecot speaks them, from recorded answers."""

import io

import pytest

from mailtenant.mailbox_copy.imap import Imap, ImapError, Message, Reading
from mailtenant.mailbox_copy.sieve import Filters, ManageSieve, mirror, mirrored
from mailtenant.migration.sides import SideError


def imap(*lines: bytes) -> tuple[Imap, io.BytesIO]:
    written = io.BytesIO()
    return Imap(io.BytesIO(b"\r\n".join([b"* PREAUTH hello", *lines]) + b"\r\n"), written, "shared: jo"), written


@pytest.mark.parametrize(("said", "meant"), [(b'"."', "."), (b'"\\\\"', "\\"), (b"NIL", "")])
def test_the_character_between_folders_is_asked_for(said: bytes, meant: str) -> None:
    session, _ = imap(rb"* LIST (\Noselect) " + said + b' ""', b"a1 OK done")
    assert session.separator() == meant


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


OPENED = (
    b"* FLAGS ()", b"* 7 EXISTS", b"* OK [UIDVALIDITY 5] valid", b"* OK [UIDNEXT 14] next",
    b"* OK [HIGHESTMODSEQ 18] highest",
)  # fmt: skip


def test_changes_are_messages_and_uids_that_vanished() -> None:
    session, written = imap(
        b"a1 OK enabled",
        *OPENED,
        b"a2 OK opened",
        b"* VANISHED (EARLIER) 1:3,9",
        rb"* 4 FETCH (UID 12 FLAGS (\Seen $Label1 \Recent) X-GUID 1700.M1P2.mail MODSEQ (17))",
        b'* 5 FETCH (UID 13 FLAGS () X-GUID "with space" MODSEQ (18))',
        b"a3 OK fetched",
        b"a4 OK left",
        b"a5 OK opened",
        b"a6 OK fetched",
        b"a7 OK left",
    )
    [found] = session.read([(b"INBOX", 16)])
    assert (found.messages, found.uidvalidity, found.modseq, found.gone) == (7, 5, 18, (1, 2, 3, 9))
    assert found.changed == (Message(12, b"1700.M1P2.mail", (b"$label1", b"\\seen")), Message(13, b"with space", ()))
    assert session.read([(b"Empty", 0)]) == [Reading(0, 0, 0, (), ())]
    said = written.getvalue().splitlines()
    assert said.count(b"a1 ENABLE QRESYNC") == 1 and b"CHANGEDSINCE 16 VANISHED" in said[2]
    assert said[5] == b"a6 UID FETCH 1:* (UID FLAGS X-GUID)"


def test_uids_are_told_as_sets_and_folders_are_asked_together() -> None:
    answers = [b'* ESEARCH (TAG "a2") UID ALL 1:3,7', b'* ESEARCH (TAG "a5") UID']
    session, written = imap(
        *OPENED, b"a1 OK", answers[0], b"a2 OK", b"a3 OK", *OPENED, b"a4 OK", answers[1], b"a5 OK", b"a6 OK"
    )
    assert session.uids([b"INBOX", b"Empty"]) == [{1, 2, 3, 7}, set()]
    assert len(written.getvalue().splitlines()) == 6


def test_more_folders_than_go_together_are_asked_in_turns() -> None:
    names = [b"f%d" % number for number in range(70)]
    session, _ = imap(*(b"a%d OK" % number for number in range(1, 3 * len(names) + 1)))
    assert session.uids(names) == [set()] * 70
    assert session.uids([]) == []


def test_a_refusal_and_a_session_that_ends_are_errors() -> None:
    session, _ = imap(b"* 0 EXISTS", b"a1 NO [NONEXISTENT] no such folder")
    with pytest.raises(ImapError, match=r"shared: jo: EXAMINE: NO .NONEXISTENT. no such folder"):
        session.uids([b"gone"])
    with pytest.raises(ImapError, match="ended without an answer"):
        imap()[0].folders()
    with pytest.raises(ImapError, match=r"no IMAP session: \* BYE not you"):
        Imap(io.BytesIO(b"* BYE not you\r\n"), io.BytesIO(), "shared: jo").folders()


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
        ManageSieve(io.BytesIO(b""), io.BytesIO(), "tenant: jo").read()


def test_the_targets_own_filters_need_no_writing_but_another_active_one_does() -> None:
    mine = Filters({"main": b"x"}, "main")
    assert mirrored(mine, Filters({"main": b"x", "own": b"y"}, "main"))
    assert mirrored(Filters({}, None), Filters({"own": b"y"}, None))
    for theirs in (Filters({"main": b"x"}, None), Filters({"main": b"y"}, "main"), Filters({}, None)):
        assert not mirrored(mine, theirs)
