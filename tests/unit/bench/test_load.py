"""Messages, and what a plan expects where."""

from email import message_from_bytes
from email.policy import SMTP

import pytest

from bench.load.delivery import Delivery, Plan, expected
from bench.load.messages import SIZE, message


def test_a_message_is_whole_and_about_five_kilobytes() -> None:
    data = message("a@bench.test", "b@bench.test", "run.7@bench.invalid")
    assert 0.95 * SIZE < len(data) <= SIZE
    assert data.endswith(b"\r\n") and b"\r\n." not in data
    parsed = message_from_bytes(data, policy=SMTP)
    assert (parsed["From"], parsed["Message-ID"]) == ("Sender <a@bench.test>", "<run.7@bench.invalid>")
    assert not parsed.defects


def test_every_message_is_expected_in_one_mailbox() -> None:
    assert expected(23, 10) == [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]
    assert sum(expected(2_000, 7)) == 2_000


def test_rates_count_from_the_first_command_to_the_last_readable_message() -> None:
    done = Delivery(messages=100, accepted=0.5, readable=2.0, server_cpu=1.0, generator_cpu=0.1, lost=0, doubled=0)
    assert [done.rate, done.accepted_rate, done.server_cpu_ms] == pytest.approx([50, 200, 10])
    assert Plan(1, 1).login_each is False
