"""Delivery into mailboxes: aliases, tags, catch-all, quota, folders, IMAP (behaviours 16, 17, 23, 24, 29)."""

import imaplib
import socket
import uuid

import pytest

from tests.world.tenants import RunningTenant, eventually, message
from tests.world.test_submission import raises_smtp
from world.outside import OutsideMx


def send_to_self(tenant: RunningTenant, sender: str, recipients: list[str], token: str) -> None:
    with tenant.submission(tenant.mailbox(sender)) as client:
        client.sendmail(
            f"{sender}@{tenant.domain}",
            recipients,
            message(f"{sender}@{tenant.domain}", recipients[0], token).as_bytes(),
        )


def test_imap_wants_the_right_password_and_143_is_closed(alpha: RunningTenant) -> None:
    jo = alpha.mailbox("jo")
    with alpha.imap(jo) as client:
        assert client.select("INBOX")[0] == "OK"
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"), alpha.imap(type(jo)(jo.address, "wrong")):
        pass
    with pytest.raises(OSError), socket.create_connection((alpha.publish, 143), 5):
        pass


def test_plaintext_login_is_refused_on_loopback_inside_too(alpha: RunningTenant) -> None:
    """Dovecot calls loopback secured: no service may take a password there in the clear."""
    listening = alpha.execute("imap", "sh", "-c", "cat /proc/net/tcp").split("\n")[1:]
    ports = {int(line.split()[1].split(":")[1], 16) for line in listening if line.split()[3:4] == ["0A"]}
    assert 143 not in ports
    assert 993 in ports


def test_special_folders_exist_and_are_subscribed_at_first_login(alpha: RunningTenant) -> None:
    fresh = alpha.mailbox("firstlogin")
    with alpha.imap(fresh) as client:
        lines = b"\n".join(line for line in client.list()[1] if isinstance(line, bytes))
        subscribed = b"\n".join(line for line in client.lsub()[1] if isinstance(line, bytes))
    for flag, folder in ((b"\\Drafts", b"Drafts"), (b"\\Sent", b"Sent"), (b"\\Junk", b"Junk"), (b"\\Trash", b"Trash")):
        assert flag in lines
        assert folder in subscribed


def test_alias_catch_all_tag_and_several_targets_deliver_exactly_once(alpha: RunningTenant) -> None:
    jo, ann, catcher = alpha.mailbox("jo"), alpha.mailbox("ann"), alpha.mailbox("catcher", "alpha-two.test")
    real = alpha.mailbox("real", "alpha-two.test")
    alpha.cli("alias", "add", alpha.label, "team@alpha.test", jo.address, ann.address)
    alpha.cli("alias", "add", alpha.label, "@alpha-two.test", catcher.address)
    token = uuid.uuid4().hex
    targets = [
        "team@alpha.test",
        "ann+lists@alpha.test",
        "whatever@alpha-two.test",
        "real@alpha-two.test",
        "real+tag@alpha-two.test",
    ]
    for number, target in enumerate(targets):
        send_to_self(alpha, "jo", [target], f"{token}-{number}")
    alpha.wait_for(jo, f"{token}-0")
    alpha.wait_for(ann, f"{token}-0")
    alpha.wait_for(ann, f"{token}-1")
    alpha.wait_for(catcher, f"{token}-2")
    alpha.wait_for(real, f"{token}-3")
    alpha.wait_for(real, f"{token}-4")
    stolen = [m for m in alpha.messages(catcher) if f"{token}-3".encode() in m or f"{token}-4".encode() in m]
    assert not stolen, "the catch-all took an existing mailbox's mail"


def test_a_message_to_the_alias_and_its_target_arrives_once(alpha: RunningTenant) -> None:
    ann, token = alpha.mailbox("ann"), uuid.uuid4().hex
    alpha.cli("alias", "add", alpha.label, "once@alpha.test", ann.address)
    send_to_self(alpha, "jo", ["once@alpha.test", ann.address], token)
    alpha.wait_for(ann, token)


def test_an_alias_to_the_outside_forwards(alpha: RunningTenant, outside: OutsideMx) -> None:
    token = uuid.uuid4().hex
    alpha.cli("alias", "add", alpha.label, "away@alpha.test", "reader@elsewhere.test")
    send_to_self(alpha, "jo", ["away@alpha.test"], token)
    assert outside.wait_for("reader@elsewhere.test", token).verdicts.dkim_result == "pass"


def test_postmaster_and_abuse_exist_for_every_domain(alpha: RunningTenant) -> None:
    with alpha.smtp() as client:
        client.ehlo()
        for domain in ("alpha.test", "alpha-two.test"):
            for name in ("postmaster", "abuse", "PostMaster"):
                client.rset()
                client.mail("someone@elsewhere.test")
                assert client.rcpt(f"{name}@{domain}")[0] == 250, (name, domain)


def test_a_full_mailbox_is_refused_at_rcpt_and_takes_mail_again_after_a_raise(alpha: RunningTenant) -> None:
    """And no restart in between: the quota is a row in the database."""
    small = alpha.mailbox("small", quota_mib=1)
    jo = alpha.mailbox("jo")
    for number in range(2):
        mail = message(jo.address, small.address, f"fill-{number}", body="x" * 76 + "\r\n")
        mail.add_attachment(b"0" * 300_000, maintype="application", subtype="octet-stream", filename="fill")
        with alpha.submission(jo) as client:
            client.send_message(mail)
        alpha.wait_for(small, f"fill-{number}")
    with alpha.smtp() as client:
        client.ehlo()
        client.docmd("MAIL FROM:<someone@elsewhere.test> SIZE=400000")
        code, text = client.rcpt(small.address)
    assert (code, text[:5]) == (552, b"5.2.2")
    with alpha.submission(jo) as client, raises_smtp(552, "5.2.2"):
        big = message(jo.address, small.address, "too-big")
        big.add_attachment(b"0" * 700_000, maintype="application", subtype="octet-stream", filename="fill")
        client.send_message(big)
    with (
        alpha.smtp() as client
    ):  # No SIZE declared: refused after the data, before it is accepted; so no bounce is ever owed.
        client.ehlo()
        client.docmd("MAIL FROM:<someone@elsewhere.test>")
        assert client.docmd(f"RCPT TO:<{small.address}>")[0] == 250
        code, text = client.data(b"Subject: too big\r\n\r\n" + (b"y" * 76 + b"\r\n") * 9000)
    assert (code, text[:5]) == (552, b"5.2.2")
    alpha.cli("mailbox", "quota", alpha.label, small.address, "10")
    token = uuid.uuid4().hex

    def deliver() -> bool:
        with alpha.submission(jo) as client:
            client.send_message(message(jo.address, small.address, token))
        return True

    eventually(deliver, seconds=30, what="mail is taken again")
    alpha.wait_for(small, token)


def test_a_removed_mailbox_is_unknown_within_seconds(alpha: RunningTenant) -> None:
    leaving = alpha.mailbox("leaving")
    alpha.cli("mailbox", "remove", alpha.label, leaving.address, "--yes")

    def unknown() -> bool:
        with alpha.smtp() as client:
            client.ehlo()
            client.mail("someone@elsewhere.test")
            return client.rcpt(leaving.address)[0] == 550

    eventually(unknown, seconds=30, what="the mailbox is unknown")
