"""465 and 587 as mailbox owners meet them (behaviours 7–13, 28), and what a logged-in user may not do."""

import smtplib
import ssl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes

import pytest

from tests.world.tenants import Mailbox, RunningTenant, message
from world.outside import OutsideMx

PORTS = pytest.mark.parametrize("port", [465, 587])


@contextmanager
def raises_smtp(code: int, enhanced: str) -> Iterator[None]:
    """The block must be refused with this reply, wherever in the dialogue."""
    with pytest.raises(smtplib.SMTPException) as caught:
        yield
    error = caught.value
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        (got, text), *_ = error.recipients.values()
    else:
        assert isinstance(error, smtplib.SMTPResponseException), error
        got, text = error.smtp_code, error.smtp_error
    shown = text.decode() if isinstance(text, bytes) else text
    assert (got, shown[: len(enhanced)]) == (code, enhanced), shown


def test_587_offers_no_login_before_tls(alpha: RunningTenant) -> None:
    with smtplib.SMTP(alpha.publish, 587) as client:
        client.ehlo()
        assert "auth" not in client.esmtp_features
        assert client.docmd("AUTH PLAIN AGpvAHB3")[0] >= 500
        code, text = client.docmd("MAIL FROM:<jo@alpha.test>")
    assert (code, text[:5]) == (530, b"5.7.0")


@PORTS
def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(alpha: RunningTenant, port: int) -> None:
    answers = []
    for address in (alpha.mailbox("jo").address, "nobody-here@alpha.test"):
        with alpha.submission(port=port) as client, pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            client.login(address, "not the password")
        answers.append((caught.value.smtp_code, caught.value.smtp_error))
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1][:5]) == (535, b"5.7.8")


@PORTS
def test_nobody_sends_without_login(alpha: RunningTenant, port: int) -> None:
    with alpha.submission(port=port) as client, raises_smtp(554, "5.7.1"):
        client.sendmail("jo@alpha.test", ["someone@elsewhere.test"], b"Subject: x\r\n\r\nx")


@PORTS
def test_the_owner_sends_as_own_address_tag_and_alias(alpha: RunningTenant, port: int) -> None:
    jo, ann = alpha.mailbox("jo"), alpha.mailbox("ann")
    alpha.cli("alias", "add", alpha.label, f"sales{port}@alpha.test", jo.address)
    for sender in (jo.address, f"jo+news@{alpha.domain}", f"sales{port}@alpha.test", jo.address.upper()):
        token = uuid.uuid4().hex
        with alpha.submission(jo, port=port) as client:
            client.sendmail(sender, [ann.address], message(sender, ann.address, token).as_bytes())
        assert b"DKIM-Signature:" in alpha.wait_for(ann, token)


@PORTS
def test_a_user_cannot_send_as_another_mailbox(alpha: RunningTenant, port: int) -> None:
    jo, ann = alpha.mailbox("jo"), alpha.mailbox("ann")
    with alpha.submission(jo, port=port) as client, raises_smtp(553, "5.7.1"):
        client.send_message(message(ann.address, "someone@elsewhere.test", "x"), from_addr=ann.address)


@pytest.mark.parametrize(
    "forged",
    [
        "From: {ann}",
        "From: Jo <{ann}>",
        'From: "{jo}" <{ann}>',
        "From: {jo}, {ann}\r\nSender: {jo}",
        "From: {jo}\r\nFrom: {ann}",
        "From: {ann}\r\nFrom: {jo}",
        "FROM:\r\n {ann}",
        "From: =?utf-8?q?Jo?= <{ann}>",
        "From: {jo}\r\nSender: {ann}",
        "From: chef@elsewhere.test",
        "From: {ann} ({jo})",
        "From: friends: {ann};",
        "From: nobody-here@alpha.test",
    ],
)
def test_a_user_cannot_forge_the_header_from(alpha: RunningTenant, forged: str) -> None:
    """docker-mailserver accepts and signs these."""
    jo, ann = alpha.mailbox("jo"), alpha.mailbox("ann")
    header = forged.format(jo=jo.address, ann=ann.address)
    raw = (
        f"{header}\r\nTo: someone@elsewhere.test\r\nSubject: forged\r\n"
        "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nhello\r\n"
    )
    with alpha.submission(jo) as client, pytest.raises(smtplib.SMTPDataError) as caught:
        client.sendmail(jo.address, ["someone@elsewhere.test"], raw.encode())
    assert 550 <= caught.value.smtp_code <= 554
    assert caught.value.smtp_error.startswith(b"5.7.1")


def test_the_header_from_may_be_an_own_alias_while_the_envelope_is_the_login(
    alpha: RunningTenant, outside: OutsideMx
) -> None:
    jo, token = alpha.mailbox("jo"), uuid.uuid4().hex
    alpha.cli("alias", "add", alpha.label, f"team-{token[:8]}@alpha.test", jo.address)
    mail = message(f"Team <team-{token[:8]}@alpha.test>", "reader@elsewhere.test", token)

    def send() -> bool:
        with alpha.submission(jo) as client:
            client.send_message(mail, from_addr=jo.address)
        return True

    from tests.world.tenants import eventually

    eventually(send, seconds=20, what="an alias made a moment ago is accepted in From")
    assert outside.wait_for("reader@elsewhere.test", token).verdicts.dmarc.result == "pass"


@PORTS
def test_an_unknown_local_user_is_refused_at_rcpt_for_logged_in_users_too(alpha: RunningTenant, port: int) -> None:
    with alpha.submission(alpha.mailbox("jo"), port=port) as client, raises_smtp(550, "5.1.1"):
        client.sendmail("jo@alpha.test", ["nobody-here@alpha.test"], b"Subject: x\r\n\r\nx")


@pytest.mark.parametrize("port", [465, 993])
def test_tls_1_1_is_refused(alpha: RunningTenant, port: int) -> None:
    import socket

    def handshake(highest: ssl.TLSVersion) -> str | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1 if highest < ssl.TLSVersion.TLSv1_2 else highest
        context.maximum_version = highest
        with socket.create_connection((alpha.publish, port), 30) as plain, context.wrap_socket(plain) as secured:
            return secured.version()

    assert handshake(ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(ssl.TLSVersion.TLSv1_1)


def test_outgoing_mail_passes_spf_dkim_and_dmarc_and_tells_nothing_of_the_sender(
    alpha: RunningTenant, outside: OutsideMx
) -> None:
    jo, token = alpha.mailbox("jo"), uuid.uuid4().hex
    mail = message(jo.address, "reader@elsewhere.test", token)
    mail["User-Agent"], mail["X-Mailer"], mail["X-Originating-IP"] = (
        "Secret Client 1.0",
        "Secret Client 1.0",
        "[192.0.2.7]",
    )
    with alpha.submission(jo) as client:
        client.send_message(mail)
    seen = outside.wait_for("reader@elsewhere.test", token)
    judged = seen.verdicts
    assert (judged.spf.result, judged.dkim_result, judged.dmarc.result) == ("pass", "pass", "pass")
    assert seen.client.address == str(alpha.settings.edge.address)
    assert seen.client.ehlo == alpha.settings.host
    head = seen.raw.decode().split("\r\n\r\n")[0]
    for leak in (
        "Secret Client",
        "192.0.2.7",
        "client.example",
        "127.0.0.1",
        str(alpha.settings.internal.subnet)[:-4],
        jo.password,
    ):
        assert leak not in head, leak
    signature = message_from_bytes(seen.raw)["DKIM-Signature"].replace("\r\n", "").replace("\t", "").replace(" ", "")
    signed = signature.split(";h=")[1].split(";")[0].lower().split(":")
    assert {"from", "to", "subject", "date", "message-id"} <= set(signed)
    assert signed.count("from") == 2, "From is not oversigned"
    assert ";l=" not in signature


def login(tenant: RunningTenant, mailbox: Mailbox) -> None:
    with tenant.imap(mailbox):
        pass


def test_a_changed_password_counts_at_once(alpha: RunningTenant) -> None:
    import imaplib

    old = alpha.mailbox("changing")
    login(alpha, old)
    new = Mailbox(old.address, 'a "new" one: with %u, $x, {{ y }} and ü')
    alpha.cli("mailbox", "passwd", alpha.label, old.address, "--password-stdin", stdin=new.password + "\n")
    login(alpha, new)
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        login(alpha, old)
    with alpha.submission(new):
        pass
    alpha.mailboxes[old.address] = new
