"""When a part is down, mail is deferred with 4xx, never refused, never lost, never unsigned (18–20, 22)."""

import imaplib
import smtplib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.world.tenants import RunningTenant, eventually, message
from world.outside import OutsideMx


@contextmanager
def paused(tenant: RunningTenant, service: str) -> Iterator[None]:
    """The service's container stopped for the block, started and healthy again after it."""
    tenant.docker("stop", "-t", "5", tenant.container(service))
    try:
        yield
    finally:
        tenant.docker("start", tenant.container(service))
        tenant.healthy(service)


def attempt(tenant: RunningTenant, token: str, to: str = "reader@elsewhere.test") -> tuple[int, str]:
    """Tries to send as jo; the final reply of the dialogue."""
    jo = tenant.mailboxes[f"jo@{tenant.domain}"]
    try:
        with tenant.submission(jo) as client:
            client.send_message(message(jo.address, to, token))
    except smtplib.SMTPRecipientsRefused as refused:
        (code, text), *_ = refused.recipients.values()
        return code, text.decode()
    except smtplib.SMTPResponseException as refused:
        text = refused.smtp_error
        return refused.smtp_code, text.decode() if isinstance(text, bytes) else text
    return 250, ""


def sends_again(tenant: RunningTenant, outside: OutsideMx) -> None:
    """After the repair the same user's mail leaves, signed."""
    token = uuid.uuid4().hex
    eventually(lambda: attempt(tenant, token)[0] == 250, what="sending works again")
    assert outside.wait_for("reader@elsewhere.test", token).verdicts.dkim_result == "pass"


def test_with_the_filter_down_nothing_is_accepted(alpha: RunningTenant, outside: OutsideMx) -> None:
    alpha.mailbox("jo")
    with paused(alpha, "filter"):
        # A login, too, is answered "temporary": 454 on 465 and 587.
        code, text = attempt(alpha, uuid.uuid4().hex)
        assert 400 <= code < 500, text
        with alpha.smtp() as client:
            client.ehlo()
            code, text = client.mail("someone@elsewhere.test")
        assert (code, text[:5]) == (451, b"4.7.1"), text
    sends_again(alpha, outside)


@pytest.mark.parametrize("damage", ["unreadable", "missing", "not a key"])
def test_with_the_key_gone_bad_nothing_leaves_unsigned(alpha: RunningTenant, outside: OutsideMx, damage: str) -> None:
    alpha.mailbox("jo")
    selector = alpha.settings.domains[0].dkim[0].selector
    key = f"/dkim/keys/{alpha.domain}.{selector}.key"
    commands = {"unreadable": f"chmod 0600 {key}", "missing": f"rm {key}", "not a key": f"echo junk > {key}"}
    in_volume(alpha, f"cp -p {key} /dkim/saved && {commands[damage]}")
    try:
        alpha.docker("restart", "-t", "5", alpha.container("filter"))
        alpha.healthy("filter")
        token = uuid.uuid4().hex
        code, text = eventually(lambda: settled(attempt(alpha, token)), what="an answer that is the rule's own")
        assert code == 451, text
        assert "4.7" in text
    finally:
        in_volume(alpha, f"rm -f {key}; cp -p /dkim/saved {key} && chmod 0444 {key} && rm /dkim/saved")
        alpha.docker("restart", "-t", "5", alpha.container("filter"))
        alpha.healthy("filter")
    sends_again(alpha, outside)
    assert not [seen for seen in outside.messages("reader@elsewhere.test") if token.encode() in seen.raw]


def test_with_the_selector_missing_nothing_leaves_unsigned(alpha: RunningTenant, outside: OutsideMx) -> None:
    """The map is re-read in place: no restart on the way down, none on the way back."""
    alpha.mailbox("jo")
    in_volume(
        alpha,
        "cp /dkim/selectors.map /dkim/saved && grep -v '^alpha.test ' /dkim/saved > /dkim/new "
        "&& cat /dkim/new > /dkim/selectors.map",
    )
    try:
        code, text = eventually(
            lambda: (answer := attempt(alpha, uuid.uuid4().hex))[0] != 250 and answer,
            seconds=30,
            what="the map is re-read",
        )
        assert code == 451, text
    finally:
        in_volume(alpha, "cat /dkim/saved > /dkim/selectors.map && rm /dkim/saved /dkim/new")
    sends_again(alpha, outside)


def settled(answer: tuple[int, str]) -> tuple[int, str] | None:
    """None while the filter itself is not answering yet (Postfix's own 4.7.1 text)."""
    return None if "Service unavailable" in answer[1] else answer


def in_volume(tenant: RunningTenant, script: str) -> None:
    """Runs a shell line over the tenant's DKIM volume, as root, in a throw-away container."""
    image = tenant.docker("inspect", "-f", "{{.Image}}", tenant.container("edge")).stdout.strip()
    command = [
        "run",
        "--rm",
        "--network",
        "none",
        "--user",
        "0",
        "-v",
        f"mt-{tenant.label}-dkim:/dkim",
        "--entrypoint",
        "sh",
        image,
    ]
    tenant.docker(*command, "-c", script)


def test_with_imap_down_mail_is_taken_and_delivered_later(alpha: RunningTenant, outside: OutsideMx) -> None:
    """LMTP down: taken from outside, deferred in the queue, delivered after repair. Login down: submission defers."""
    jo, token = alpha.mailbox("jo"), uuid.uuid4().hex
    with paused(alpha, "imap"):
        with alpha.smtp() as client:
            client.ehlo()
            client.sendmail("friend@dead.test", [jo.address], message("friend@dead.test", jo.address, token).as_bytes())
        queue = eventually(lambda: alpha.execute("smtp", "postqueue", "-j"), what="the message in the queue")
        assert jo.address in queue
        with pytest.raises((smtplib.SMTPException, OSError)), alpha.submission(jo):
            pass
    alpha.execute("smtp", "postqueue", "-f")
    alpha.wait_for(jo, token)
    sends_again(alpha, outside)


def test_with_the_database_down_everything_is_temporary(alpha: RunningTenant, outside: OutsideMx) -> None:
    """And who logged in before still can: Dovecot goes on with what it knew last."""
    jo = alpha.mailbox("jo")
    with alpha.imap(jo):
        pass

    def answer(recipient: str) -> tuple[int, bytes]:
        with alpha.smtp() as client:
            client.ehlo()
            client.mail("friend@dead.test")
            return client.rcpt(recipient)

    with paused(alpha, "database"):
        # Answers in memory go with the database's session, a moment after its container is gone.
        eventually(lambda: answer(jo.address)[0] == 451, seconds=20, what="nothing is answered from memory")
        for recipient in (jo.address, "nobody-here@alpha.test"):
            code, text = answer(recipient)
            assert code == 451, text
        code, text = attempt(alpha, uuid.uuid4().hex)
        assert code == 451, text

        def opens() -> bool:
            try:
                with alpha.imap(jo) as client:
                    return client.select("INBOX")[0] == "OK"
            except (OSError, imaplib.IMAP4.error):
                return False

        # Dovecot waits for a database for up to a minute before it goes on without; a client's patience is as long.
        eventually(opens, seconds=180, what="a login by what Dovecot knew last")
    sends_again(alpha, outside)


def test_with_the_cache_down_sending_waits_and_receiving_goes_on(alpha: RunningTenant, outside: OutsideMx) -> None:
    """Sending limits are counted there: without the count nothing is sent, but nothing is refused for good."""
    jo, token = alpha.mailbox("jo"), uuid.uuid4().hex
    with paused(alpha, "cache"):
        code, text = attempt(alpha, uuid.uuid4().hex)
        assert 400 <= code < 500, text
        with alpha.smtp() as client:
            client.ehlo()
            client.sendmail("friend@dead.test", [jo.address], message("friend@dead.test", jo.address, token).as_bytes())
        alpha.wait_for(jo, token)
    sends_again(alpha, outside)


def test_with_the_resolver_down_local_mail_is_at_worst_deferred(alpha: RunningTenant, outside: OutsideMx) -> None:
    jo, token = alpha.mailbox("jo"), uuid.uuid4().hex
    with paused(alpha, "resolver"):
        code, text = attempt(alpha, token, to=jo.address)
        assert code == 250 or 400 <= code < 500, text
    sends_again(alpha, outside)


def test_an_outside_server_that_defers_gets_the_mail_later_and_one_that_refuses_causes_a_signed_bounce(
    alpha: RunningTenant, outside: OutsideMx
) -> None:
    jo, token = alpha.mailbox("jo"), uuid.uuid4().hex
    fault = outside.refuse("picky@elsewhere.test", "550 5.7.1 not wanted")
    assert attempt(alpha, token, to="picky@elsewhere.test")[0] == 250
    bounce = alpha.wait_for(jo, token)
    assert b"multipart/report" in bounce
    assert f"d={alpha.settings.host}".encode() in bounce.replace(b"\r\n\t", b" ").split(b"\r\n\r\n")[0]
    outside.no_faults(fault)
    fault = outside.refuse("later@elsewhere.test", "451 4.2.0 later")
    token = uuid.uuid4().hex
    assert attempt(alpha, token, to="later@elsewhere.test")[0] == 250
    eventually(lambda: "later@elsewhere.test" in alpha.execute("smtp", "postqueue", "-j"), what="deferred")
    outside.no_faults(fault)
    alpha.execute("smtp", "postqueue", "-f")
    outside.wait_for("later@elsewhere.test", token)
