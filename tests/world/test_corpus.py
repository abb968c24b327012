"""Messages of every kind arrive with their body intact, and none is lost or doubled."""

import hashlib
import re
import uuid
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
import test.test_email

from tests.world.tenants import RunningTenant, eventually, message

CORPUS = sorted((Path(test.test_email.__file__).parent / "data").glob("msg_*.txt"))


def body(raw: bytes) -> bytes:
    """All after the first empty line, with one kind of line end and no trailing empty lines."""
    text = raw.replace(b"\r\n", b"\n")
    return text.partition(b"\n\n")[2].rstrip(b"\n")


def sendable(raw: bytes, sender: str, to: str, token: str) -> bytes:
    """A corpus message with the headers that make it ours to send; all else stays as it is, body octet for octet."""
    text = re.sub(rb"\r\n|\r|\n", b"\n", raw)
    head, _, rest = text.partition(b"\n\n")
    kept, skip = [], False
    for line in head.split(b"\n"):
        if line[:1] not in b" \t" or not line:
            name = line.partition(b":")[0].strip().lower()
            skip = (
                name in {b"from", b"sender", b"message-id", b"date", b"to", b"cc", b"bcc"}
                or b":" not in line
                or line[:5] == b"From "
            )
        if not skip and line:
            kept.append(line)
    own = [
        b"From: " + sender.encode(),
        b"To: " + to.encode(),
        b"Date: Mon, 23 Nov 2026 10:00:00 +0000",
        b"Message-ID: <%s@corpus>" % token.encode(),
    ]
    return b"\r\n".join([*own, *kept, b"", *rest.split(b"\n")])


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) > 40


def test_real_messages_arrive_with_body_intact(alpha: RunningTenant) -> None:
    jo, reader, run = alpha.mailbox("jo"), alpha.mailbox("corpus"), uuid.uuid4().hex
    sent: dict[str, bytes] = {}
    with alpha.submission(jo) as client:
        for path in CORPUS:
            token = f"{run}.{path.stem}"
            raw = sendable(path.read_bytes(), jo.address, reader.address, token)
            sent[token] = raw
            client.sendmail(jo.address, [reader.address], raw)
    eventually(lambda: len(alpha.messages(reader)) >= len(sent), what="all of the corpus")
    arrived = {}
    for raw in alpha.messages(reader):
        if found := re.search(rb"Message-ID: <(\S+)@corpus>", raw):
            assert found[1].decode() not in arrived, "delivered twice"
            arrived[found[1].decode()] = raw
    assert set(arrived) == set(sent)
    differing = [token for token, raw in sent.items() if body(arrived[token]) != body(raw)]
    assert not differing


def odd_messages() -> dict[str, bytes]:
    """Bodies that servers are known to spoil."""
    eight_bit = (
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    utf8_header = EmailMessage(policy=policy.SMTP)
    utf8_header["Subject"] = "Grüße aus 東京 – ✓"
    utf8_header.set_content("ünïcode in header and body ✓\n" * 20)
    return {
        "8-bit": eight_bit + "Müller, 東京, ✓\r\n".encode() * 50,
        "utf-8 header": utf8_header.as_bytes(),
        "long line of 998": b"Content-Type: text/plain\r\n\r\n" + b"x" * 998 + b"\r\nend\r\n",
        "dots": b"Content-Type: text/plain\r\n\r\n.\r\n..\r\n...\r\n.leading\r\n",
        "from line": b"Content-Type: text/plain\r\n\r\nFrom the start\r\n>From here\r\n",
        "empty": b"Content-Type: text/plain\r\n\r\n",
        "trailing spaces": b"Content-Type: text/plain\r\n\r\nspaces   \r\n\t\r\n   \r\nend\r\n",
    }


@pytest.mark.parametrize("kind", sorted(odd_messages()))
def test_odd_bodies_arrive_intact(alpha: RunningTenant, kind: str) -> None:
    jo, reader, token = alpha.mailbox("jo"), alpha.mailbox("corpus"), uuid.uuid4().hex
    head = (
        f"From: {jo.address}\r\nTo: {reader.address}\r\n"
        f"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{token}@odd>\r\n"
    )
    raw = head.encode() + odd_messages()[kind]
    with alpha.submission(jo) as client:
        client.ehlo_or_helo_if_needed()
        client.sendmail(jo.address, [reader.address], raw, mail_options=["BODY=8BITMIME"])
    assert body(alpha.wait_for(reader, token)) == body(raw)


def test_very_long_lines_lose_nothing(alpha: RunningTenant) -> None:
    """RFC 5321 allows 998 octets a line; Postfix folds what is longer. The text must still all be there."""
    jo, reader, token = alpha.mailbox("jo"), alpha.mailbox("corpus"), uuid.uuid4().hex
    head = (
        f"From: {jo.address}\r\nTo: {reader.address}\r\n"
        f"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{token}@long>\r\n\r\n"
    )
    line = "0123456789" * 10_000
    with alpha.submission(jo) as client:
        client.sendmail(jo.address, [reader.address], (head + line + "\r\n").encode())
    assert re.sub(rb"\s", b"", body(alpha.wait_for(reader, token))) == line.encode()


def test_an_attachment_of_20_mb_arrives_intact(alpha: RunningTenant) -> None:
    jo, reader, token = alpha.mailbox("jo"), alpha.mailbox("corpus"), uuid.uuid4().hex
    content = hashlib.shake_256(token.encode()).digest(20 * 1000 * 1000)
    mail = message(jo.address, reader.address, token)
    mail.add_attachment(content, maintype="application", subtype="octet-stream", filename="large.bin")
    with alpha.submission(jo) as client:
        client.send_message(mail)
    arrived = message_from_bytes(alpha.wait_for(reader, token, seconds=120), policy=policy.default)
    (attachment,) = arrived.iter_attachments()
    assert attachment.get_content() == content


def test_a_thousand_messages_in_one_session_arrive_once_each(alpha: RunningTenant) -> None:
    sender, reader = alpha.mailbox("jo"), alpha.mailbox("thousand")
    tokens = [f"{uuid.uuid4().hex}" for _ in range(1000)]
    with alpha.submission(sender) as client:
        for token in tokens:
            client.sendmail(sender.address, [reader.address], message(sender.address, reader.address, token).as_bytes())

    def arrived() -> list[str]:
        with alpha.imap(reader) as client:
            count = int(client.select("INBOX", readonly=True)[1][0])  # type: ignore[arg-type]
            if count < len(tokens):
                return []
            lines = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
            return [part[1].decode().split()[-1] for part in lines if isinstance(part, tuple)]

    found = eventually(arrived, seconds=180, what="all thousand")
    assert sorted(found) == sorted(tokens)
