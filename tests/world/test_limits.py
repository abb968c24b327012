"""Sending limits: the smallest wins, who is over it waits with 4xx, nobody else does."""

import re
import smtplib
import uuid
from collections.abc import Iterator

import pytest

from tests.world.tenants import RunningTenant, message


@pytest.fixture
def limited(beta: RunningTenant) -> Iterator[RunningTenant]:
    """beta with three recipients an hour for a mailbox."""
    text = beta.stack_file.read_text()
    beta.stack_file.write_text(re.sub(r"mailbox: {hour: \d+", "mailbox: {hour: 3", text))
    try:
        beta.up()
        yield beta
    finally:
        beta.stack_file.write_text(text)
        beta.up()


def test_a_mailbox_over_its_limit_is_deferred_and_its_colleague_is_not(limited: RunningTenant) -> None:
    name = uuid.uuid4().hex[:8]
    eager, calm = limited.mailbox(f"eager-{name}"), limited.mailbox(f"calm-{name}")

    def send(sender: str, recipients: list[str]) -> None:
        with limited.submission(limited.mailboxes[sender]) as client:
            client.sendmail(sender, recipients, message(sender, recipients[0], uuid.uuid4().hex).as_bytes())

    send(eager.address, [calm.address])
    with pytest.raises(smtplib.SMTPDataError) as caught:  # three recipients, and one is used up already
        send(eager.address, [calm.address, eager.address, "reader@elsewhere.test"])
    assert caught.value.smtp_code == 451
    assert b"Sending limit reached" in caught.value.smtp_error
    send(eager.address, [calm.address, eager.address])  # what was refused was not counted
    with pytest.raises(smtplib.SMTPDataError):
        send(eager.address, [calm.address])
    send(calm.address, [eager.address])
