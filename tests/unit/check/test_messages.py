"""The probe's messages, and recognising what comes back."""

from datetime import UTC, datetime

from mailtenant.check.messages import probe_message, recognise
from tests.unit.check.tenant import bounce_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
MESSAGE = probe_message("a@acme.test", "b@elsewhere.test", "token1", NOW)


def test_the_probe_recognises_its_own_message() -> None:
    found = recognise(MESSAGE.as_bytes(), "token1")
    assert found is not None
    assert found.kind == "mail"


def test_a_message_of_another_probe_is_not_ours() -> None:
    assert recognise(MESSAGE.as_bytes(), "token2") is None


def test_a_token_in_the_text_only_is_no_answer() -> None:
    assert recognise(b"Subject: hello\r\n\r\ntoken1\r\n", "token1") is None


def test_an_answer_is_recognised_by_its_references() -> None:
    answer = f"Subject: Re\r\nIn-Reply-To: {MESSAGE['Message-ID']}\r\n\r\nhi\r\n".encode()
    found = recognise(answer, "token1")
    assert found is not None
    assert found.kind == "mail"


def test_a_bounce_tells_the_other_servers_reason() -> None:
    found = recognise(bounce_of(MESSAGE), "token1")
    assert found is not None
    assert (found.kind, found.words) == ("bounce", "550 5.1.1 no such user here")


def test_anothers_bounce_is_not_ours() -> None:
    assert recognise(bounce_of(MESSAGE), "token2") is None
