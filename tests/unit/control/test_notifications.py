"""The texts that customers get: each kind as it is today, kept as a golden file, and what none may do."""

from pathlib import Path

import pytest

from mailtenant.control.channels import MailChannel
from mailtenant.control.notifications import render
from mailtenant.control.plane import ControlPlane
from mailtenant.control.sender import Letter
from mailtenant.migration import Notice
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"
FACTS = {
    "organisation": "Acme GmbH", "label": "acme", "contact": "Jo Doe", "shared_host": "mail.inboxment.com",
    "tenant_host": "acme.outboxment.com", "smtp_host": "acme.outboxment.com", "imap_host": "acme.outboxment.com",
    "window_start": "2026-12-11T20:00:00+00:00", "window_end": "2026-12-11T22:00:00+00:00",
    "interruption_minutes": 15, "hold_days": 7, "manual_dns": True, "support": "support@inboxment.com",
    "sheet": "acme.test. 300 IN MX 10 acme.outboxment.com.", "code": "7KQ2MXW4ZP",
    "mailboxes": 12, "size": "3.4 GiB", "copy_minutes": 12, "freeze_minutes": 1,
    "steps": [{"does": "mail is copied while the old side serves", "undo": ""},
              {"does": "DNS: MX to the tenant host", "undo": "MX back to the shared host"}],
    "records": [{"phase": "cutover", "when": "at the move", "zone": "acme.test", "name": "acme.test", "type": "MX",
                 "by_hand": True, "old": "10 mail.inboxment.com", "new": "10 acme.outboxment.com"}],
    "rollback": [{"does": "DNS: MX to the shared host again"}],
}  # fmt: skip


@pytest.mark.parametrize("notice", list(Notice))
def test_each_text_is_the_agreed_one(notice: Notice) -> None:
    subject, body = render(notice.value, FACTS)
    assert_golden(GOLDEN / f"{notice.value}.txt", f"{subject}\n\n{body}")


@pytest.mark.parametrize("notice", list(Notice))
def test_each_says_whom_to_ask_and_fits_a_plain_mail(notice: Notice) -> None:
    subject, body = render(notice.value, FACTS)
    assert "support@inboxment.com" in body
    assert "Jo Doe" in body
    assert 10 < len(subject) <= 78
    assert all(len(line) <= 998 for line in body.splitlines())
    assert "{{" not in body


def test_connection_details_have_hosts_ports_and_security_and_no_password() -> None:
    _, body = render("connection_details", FACTS)
    assert body.count("acme.outboxment.com") >= 2
    for word in ("465", "587", "993", "TLS", "STARTTLS"):
        assert word in body
    assert "password:" not in body.lower()


@pytest.mark.parametrize("notice", list(Notice))
def test_a_fact_cannot_become_a_header(plane: ControlPlane, notice: Notice) -> None:
    """Line breaks in any fact stay in the body, or the message is not made; never a header of its own."""
    bad = {
        name: f"{value}\r\nBcc: all@example.com" if isinstance(value, str) else value for name, value in FACTS.items()
    }
    bad |= {name: FACTS[name] for name in ("window_start", "window_end")}
    letter = Letter("x", notice.value, "jo@example.com", bad, "2026-12-01T09:00:00+00:00", 1)
    try:
        message = MailChannel(plane).message(letter)
    except ValueError:
        return
    assert message["Bcc"] is None
    head = message.as_bytes().partition(b"\n\n")[0]
    assert b"\nBcc:" not in head
