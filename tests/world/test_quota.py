"""Quotas: warned of, raised and lowered without a restart, and not fooled by moving mail (29)."""

import re
import uuid
from typing import Final

from tests.world.tenants import Mailbox, RunningTenant, eventually, message

KIB: Final = 1024
FOREIGN: Final = "friend@dead.test"


def used(tenant: RunningTenant, mailbox: Mailbox) -> tuple[int, int]:
    """What a mail program is told by GETQUOTAROOT: KiB used, KiB allowed."""
    with tenant.imap(mailbox) as client:
        answer = repr(client.getquotaroot("INBOX"))
    found = re.search(r"STORAGE (\d+) (\d+)", answer)
    assert found, answer
    return int(found[1]), int(found[2])


def fill(tenant: RunningTenant, mailbox: Mailbox, token: str, octets: int) -> None:
    mail = message(FOREIGN, mailbox.address, token)
    mail.add_attachment(b"0" * (octets * 3 // 4), maintype="application", subtype="octet-stream", filename="fill")
    with tenant.smtp() as client:
        client.ehlo()
        client.sendmail(FOREIGN, [mailbox.address], mail.as_bytes())
    tenant.wait_for(mailbox, token)


def rcpt(tenant: RunningTenant, mailbox: Mailbox, size: int) -> tuple[int, bytes]:
    with tenant.smtp() as client:
        client.ehlo()
        client.docmd(f"MAIL FROM:<{FOREIGN}> SIZE={size}")
        return client.rcpt(mailbox.address)


def test_two_warnings_come_once_each_and_an_expunge_makes_room(alpha: RunningTenant) -> None:
    box = alpha.mailbox("warned", quota_mib=1)
    tokens = [uuid.uuid4().hex for _ in range(3)]
    fill(alpha, box, tokens[0], 780 * KIB)
    assert 0.74 < used(alpha, box)[0] / 1024 < 0.8
    fill(alpha, box, tokens[1], 90 * KIB)
    alpha.wait_for(box, "is more than 80 % full")
    fill(alpha, box, tokens[2], 100 * KIB)
    alpha.wait_for(box, "is more than 95 % full")
    assert used(alpha, box)[1] == 1024
    assert rcpt(alpha, box, 200 * KIB)[0] == 552
    with alpha.imap(box) as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", r"(\Deleted)")
        client.expunge()
    assert used(alpha, box)[0] < 300
    assert rcpt(alpha, box, 200 * KIB)[0] == 250


def test_a_new_limit_holds_without_a_restart_up_and_down(alpha: RunningTenant) -> None:
    box = alpha.mailbox("changing", quota_mib=2)
    fill(alpha, box, uuid.uuid4().hex, 900 * KIB)
    before = used(alpha, box)[0]
    assert rcpt(alpha, box, 900 * KIB)[0] == 250
    for mib, code in ((1, 552), (4, 250)):
        alpha.cli("mailbox", "quota", alpha.label, box.address, str(mib))
        eventually(lambda code=code: rcpt(alpha, box, 900 * KIB)[0] == code, seconds=60, what=f"{mib} MiB hold")
        eventually(lambda mib=mib: used(alpha, box) == (before, mib * 1024), seconds=60, what=f"{mib} MiB are told")


def test_moving_mail_between_folders_wins_no_room(alpha: RunningTenant) -> None:
    """Quota driver `maildir` of Dovecot 2.4.1 fails here (decision 0039)."""
    box = alpha.mailbox("filing", quota_mib=2)
    fill(alpha, box, uuid.uuid4().hex, 300 * KIB)
    before = used(alpha, box)
    with alpha.imap(box) as client:
        client.select("INBOX")
        assert client.uid("MOVE", "1", "Trash")[0] == "OK"
    assert used(alpha, box) == before


def roomy(tenant: RunningTenant, mailbox: Mailbox) -> bool:
    """Whether both take it for granted that the mailbox has room: LMTP and Postfix (decision 0045)."""
    query = f"SELECT has_room FROM dovecot_users WHERE username = '{mailbox.address}'"
    psql = ("psql", "-X", "-At", "-h", "/run/postgresql", "-U", "postgres", "-d", "mail", "-c", query)
    told = tenant.execute("database", *psql).strip()
    in_memory = tenant.execute("smtp", "postmap", "-q", mailbox.address, "lmdb:/run/lookups/roomy", check=False).strip()
    return (told, in_memory) == ("t", "OK")


def recounted(tenant: RunningTenant, mailbox: Mailbox) -> int:
    """KiB, after Dovecot has counted everything anew."""
    tenant.execute("imap", "doveadm", "quota", "recalc", "-u", mailbox.address)
    return used(tenant, mailbox)[0]


def test_a_mailbox_with_room_is_counted_right_though_lmtp_does_not_count(alpha: RunningTenant) -> None:
    box = alpha.mailbox("wide", quota_mib=400)
    fill(alpha, box, uuid.uuid4().hex, 50 * KIB)
    eventually(lambda: roomy(alpha, box), seconds=60, what="the mailbox has room")
    for number in range(4):
        before = used(alpha, box)[0]
        fill(alpha, box, uuid.uuid4().hex, 200 * KIB)
        # At once: no answer that was for LMTP may be taken for IMAP's.
        after, limit = used(alpha, box)
        assert limit == 400 * 1024
        assert 195 < after - before < 230
        with alpha.imap(box) as client:
            client.select("INBOX")
            if number == 1:
                assert client.uid("MOVE", "1:2", "Archive")[0] == "OK"
            if number == 2:
                client.store("1", "+FLAGS", r"(\Deleted)")
                client.expunge()
    before = used(alpha, box)[0]
    assert recounted(alpha, box) == before


def test_room_ends_with_a_smaller_quota_and_with_growth(alpha: RunningTenant) -> None:
    box = alpha.mailbox("shrinking", quota_mib=200)
    fill(alpha, box, uuid.uuid4().hex, 900 * KIB)
    eventually(lambda: roomy(alpha, box), seconds=60, what="the mailbox has room")
    assert rcpt(alpha, box, 40 * 1024 * KIB)[0] == 250
    alpha.cli("mailbox", "quota", alpha.label, box.address, "1")
    eventually(lambda: rcpt(alpha, box, 900 * KIB)[0] == 552, seconds=60, what="the new quota is held")
    assert not roomy(alpha, box)
    alpha.cli("mailbox", "quota", alpha.label, box.address, "145")
    eventually(lambda: roomy(alpha, box), seconds=60, what="room again")
    with alpha.imap(box) as client:
        client.append("Archive", None, None, b"Subject: large\r\n\r\n" + b"0123456789" * 2_000_000)
    eventually(lambda: not roomy(alpha, box), seconds=60, what="20 MB more need a larger quota")


def test_nobody_has_room_when_nobody_looks(alpha: RunningTenant) -> None:
    box = alpha.mailbox("unseen", quota_mib=400)
    fill(alpha, box, uuid.uuid4().hex, 50 * KIB)
    eventually(lambda: roomy(alpha, box), seconds=60, what="the mailbox has room")
    alpha.execute("imap", "pkill", "-STOP", "-f", "^/bin/sh /usr/local/lib/mailtenant/room")
    try:
        eventually(lambda: not roomy(alpha, box), seconds=90, what="what nobody looks at is asked about")
        # Counted, and still delivered.
        fill(alpha, box, uuid.uuid4().hex, 50 * KIB)
    finally:
        alpha.execute("imap", "pkill", "-CONT", "-f", "^/bin/sh /usr/local/lib/mailtenant/room")
    eventually(lambda: roomy(alpha, box), seconds=60, what="room again")
