"""Reading what servers say about SPF, DKIM and DMARC."""

from email import message_from_string, policy
from email.message import EmailMessage

import pytest

from mailtenant.check.verdicts import echoed_verdict, own_verdict, parse_results


def message(text: str) -> EmailMessage:
    made: EmailMessage = message_from_string(text, policy=policy.default)
    return made


def test_a_field_as_rspamd_writes_it() -> None:
    verdict = parse_results(
        'acme.outboxment.test; dkim=pass header.d=elsewhere.test header.s=world header.b="a;b"; '
        'spf=pass (acme.outboxment.test: domain of "x@elsewhere.test" designates 10.99.0.25 (really)) '
        "smtp.mailfrom=x@elsewhere.test; dmarc=pass (policy=none) header.from=elsewhere.test"
    )
    assert verdict.judge == "acme.outboxment.test"
    assert verdict.passed("spf", "dkim", "dmarc")


@pytest.mark.parametrize(
    ("field", "results"),
    [
        ("mx 1; none", {}),
        ("mx; dkim=none", {"dkim": "none"}),
        ("mx; dkim=fail; dkim=pass header.d=b", {"dkim": "pass"}),
        ("mx; dkim=pass; dkim=fail header.d=b", {"dkim": "pass"}),
        ("mx; SPF=SoftFail smtp.mailfrom=spf=pass", {"spf": "softfail"}),
        ("mx; spf/1=permerror", {"spf": "permerror"}),
        ("mx; x-spf=pass", {"x-spf": "pass"}),
    ],
)
def test_results_of_a_field(field: str, results: dict[str, str]) -> None:
    assert parse_results(field).results == results


def test_only_the_topmost_field_is_ours() -> None:
    got = own_verdict(message("Authentication-Results: us; spf=fail\nAuthentication-Results: them; spf=pass\n\n"))
    assert got is not None
    assert (got.judge, got.results) == ("us", {"spf": "fail"})
    assert own_verdict(message("Subject: none\n\n")) is None


@pytest.mark.parametrize(
    "text",
    [
        'SPF check:          pass\n"iprev" check:      pass\nDKIM check:         pass\nDMARC result: pass\n',
        '{"spf": "pass", "dkim": "pass", "dmarc": "pass"}\n',
        "spf=pass smtp.mailfrom=a; dkim=pass; dmarc=pass\n",
    ],
)
def test_the_text_of_an_echo_service(text: str) -> None:
    got = echoed_verdict(message(f"From: check@verifier.example\n\n{text}"))
    assert got is not None
    assert got.passed("spf", "dkim", "dmarc"), got


def test_an_answer_without_a_verdict() -> None:
    assert echoed_verdict(message("From: someone@example.org\n\nI am on holiday.\n")) is None


def test_what_was_not_judged_has_not_passed() -> None:
    verdict = parse_results("mx; spf=pass")
    assert not verdict.passed("spf", "dkim")
    assert str(verdict) == "SPF pass, DKIM not judged, DMARC not judged (by mx)"
