"""Port 25 as other mail servers meet it: who is let in, with which reply codes.

Behaviours 1–6 and 14 of the acceptance list.
"""

import smtplib
import socket
import uuid

import pytest

from tests.world.tenants import RunningTenant, message
from world.outside import OutsideMx


def reply(client: smtplib.SMTP, sender: str, recipient: str) -> tuple[int, str]:
    """The answer to RCPT."""
    client.ehlo_or_helo_if_needed()
    client.mail(sender)
    code, text = client.rcpt(recipient)
    return code, text.decode()


def test_a_stranger_cannot_relay(alpha: RunningTenant) -> None:
    with alpha.smtp() as client:
        code, text = reply(client, "someone@elsewhere.test", "other@strict.test")
    assert (code, text[:5]) == (554, "5.7.1")
    assert "Relay access denied" in text


@pytest.mark.parametrize(
    "trick",
    [
        "other%strict.test@alpha.test",
        "other@strict.test@alpha.test",
        '"other@strict.test"@alpha.test',
        "@alpha.test:other@strict.test",
    ],
)
def test_source_routes_and_percent_tricks_do_not_relay(alpha: RunningTenant, trick: str) -> None:
    with alpha.smtp() as client:
        client.ehlo()
        client.docmd("MAIL FROM:<someone@elsewhere.test>")
        code, text = client.docmd(f"RCPT TO:<{trick}>")
    assert code >= 500, text


def test_an_unknown_recipient_is_refused_at_rcpt(alpha: RunningTenant) -> None:
    with alpha.smtp() as client:
        code, text = reply(client, "someone@elsewhere.test", "nobody-here@alpha.test")
    assert (code, text[:5]) == (550, "5.1.1")


def test_a_forged_local_sender_that_does_not_exist_is_refused(alpha: RunningTenant) -> None:
    jo = alpha.mailbox("jo")
    with alpha.smtp() as client:
        code, text = reply(client, "nobody-here@alpha.test", jo.address)
    assert (code, text[:5]) == (550, "5.1.0")


def test_helo_comes_first(alpha: RunningTenant) -> None:
    with smtplib.SMTP(alpha.publish, 25) as client:
        code, text = client.docmd("MAIL FROM:<someone@elsewhere.test>")
    assert (code, text[:5]) == (503, b"5.5.1")


def test_vrfy_is_off_and_ehlo_offers_only_what_is_meant(alpha: RunningTenant) -> None:
    with alpha.smtp() as client:
        code, text = client.docmd("VRFY jo")
        assert (code, text[:5]) == (502, b"5.5.1")
        client.ehlo()
        assert "starttls" in client.esmtp_features
        unwanted = {"auth", "vrfy", "chunking", "smtputf8", "etrn"}
        assert not unwanted & client.esmtp_features.keys()
    with alpha.smtp(starttls=True) as client:
        assert not unwanted & client.esmtp_features.keys()


def test_a_declared_size_above_the_limit_is_refused(alpha: RunningTenant) -> None:
    limit = alpha.settings.tuning.postfix.message_size_limit_mib * 1024 * 1024
    with alpha.smtp() as client:
        client.ehlo()
        code, text = client.docmd(f"MAIL FROM:<someone@elsewhere.test> SIZE={limit + 1}")
    assert (code, text[:5]) == (552, b"5.3.4")


def test_the_banner_and_ehlo_say_the_tenant_host(alpha: RunningTenant) -> None:
    with smtplib.SMTP() as client:
        _, banner = client.connect(alpha.publish, 25)
        assert banner.decode().split()[0] == alpha.settings.host
        assert client.ehlo()[1].decode().splitlines()[0] == alpha.settings.host


def test_a_bare_newline_smuggles_nothing(alpha: RunningTenant) -> None:
    """`LF.LF` inside the data must end nothing: one message arrives, the smuggled second one is part of its text."""
    jo, token = alpha.mailbox("jo"), uuid.uuid4().hex
    commands = ["MAIL FROM:<smuggler@dead.test>", f"RCPT TO:<{jo.address}>", "DATA", f"Subject: smuggled {token}-two"]
    smuggled = "\r\n".join([*commands, "", "injected", ""])
    head = [
        "From: someone@dead.test",
        f"To: {jo.address}",
        "Date: Mon, 23 Nov 2026 10:00:00 +0000",
        f"Message-ID: <{token}@dead.test>",
        f"Subject: outer {token}-one",
    ]
    body = "\r\n".join([*head, "", "before"]) + "\n.\n" + smuggled
    with socket.create_connection((alpha.publish, 25), 30) as raw:
        stream = raw.makefile("rwb")

        def say(line: str) -> str:
            stream.write(line.encode() + b"\r\n")
            stream.flush()
            while (answer := stream.readline().decode())[3:4] == "-":
                pass
            return answer

        assert stream.readline().startswith(b"220")
        say("EHLO client.dead.test")
        say("MAIL FROM:<someone@dead.test>")
        assert say(f"RCPT TO:<{jo.address}>").startswith("250")
        assert say("DATA").startswith("354")
        last = say(body + ".")
        assert last.startswith("250"), last
        say("QUIT")
    delivered = alpha.wait_for(jo, f"{token}-one")
    assert f"{token}-two".encode() in delivered
    assert not [m for m in alpha.messages(jo) if f"Subject: smuggled {token}-two".encode() in m.split(b"\r\n\r\n")[0]]


def test_mail_from_outside_arrives_with_the_outside_address(alpha: RunningTenant, outside: OutsideMx) -> None:
    """A true outside server, by MX lookup; our own judgement of its SPF, DKIM and DMARC is in the header."""
    jo, token = alpha.mailbox("jo"), uuid.uuid4().hex
    mail = message("friend@elsewhere.test", jo.address, token)
    assert outside.send(mail, sender="friend@elsewhere.test", recipients=[jo.address])
    raw = alpha.wait_for(jo, token).decode()
    head = raw.split("\r\n\r\n")[0].replace("\r\n\t", " ").replace("\r\n ", " ")
    assert f"{str(alpha.settings.edge.dns)[:-2]}25" in head, "the client's own address is missing"
    results = next(line for line in head.split("\r\n") if line.startswith("Authentication-Results:"))
    assert results.split(":")[1].split(";")[0].strip() == alpha.settings.host
    for verdict in ("spf=pass", "dkim=pass", "dmarc=pass"):
        assert verdict in results
