"""What the watch takes for a problem."""

from datetime import UTC, datetime, timedelta

import pytest

from mailtenant.certificates import LIFETIME
from mailtenant.check.report import Report, Status, StepResult
from mailtenant.control.alerts import Kind
from mailtenant.dns.verify import Result
from mailtenant.rendering.services import SERVICES
from mailtenant.watch import rules
from tests.unit.settings.example import certificates, example_document, example_settings

ACME = example_settings()
IMAGES = {f"mailtenant/{service}:2026.11": f"sha256:{service}" for service in SERVICES}
ALL = [
    rules.Container(f"mt-acme-{service}", "running", "Up 2 hours (healthy)", f"sha256:{service}")
    for service in SERVICES
    if service != "web"
]


def test_days_left_are_those_of_each_chain_and_of_its_ca() -> None:
    document = example_document()
    document["tls"]["web_chain"] = certificates("acme", "outboxment.test").chain
    settings = example_settings().model_copy(
        update={"tls": ACME.tls.model_copy(update={"web_chain": document["tls"]["web_chain"]})}
    )
    days = rules.certificate_days(settings, datetime.now(UTC) + LIFETIME - timedelta(days=10))
    assert set(days) == {"mail", "web"} and all(left in (9, 10) for left in days.values())
    assert set(rules.certificate_days(ACME, datetime.now(UTC))) == {"mail"}


@pytest.mark.parametrize(("left", "said"), [(30, ""), (20, "ends in 20 days"), (-1, "has ended")])
def test_few_days_are_a_problem_of_that_certificate(left: int, said: str) -> None:
    found = rules.ending("acme", {"mail": 300, "web": left}, 21)
    assert [(one.kind, one.subject) for one in found] == ([(Kind.CERTIFICATE, "web")] if said else [])
    assert all(said in one.what and "web-certificate acme" in one.fix for one in found)


def test_wrong_records_are_one_problem_with_the_first_named() -> None:
    good = Result("acme.test MX", "ns1", "ok", "as planned")
    assert rules.published("acme", [good]) == []
    bad = [Result(f"{n}.acme.test TXT", "ns1", "wrong", "missing", f"add {n}") for n in range(5)]
    (found,) = rules.published("acme", [good, *bad])
    assert found.kind is Kind.DNS and "0.acme.test TXT at ns1: missing" in found.what and "and 2 more" in found.what
    assert found.fix.startswith("add 0") and "dns verify acme" in found.fix
    (silent,) = rules.published("acme", [Result("acme.test MX", "ns2", "unknown", "no answer", "ask again")])
    assert "ns2: no answer" in silent.what


def test_failed_steps_of_the_check_are_one_problem() -> None:
    steps = (
        StepResult("ports", "ports", Status.PASSED, 0.1, "5"),
        StepResult("login-993", "login on 993 (IMAP)", Status.FAILED, 0.1, cause="refused", fix="see the log"),
        StepResult("folders", "folders", Status.SKIPPED, 0, "needs: login"),
    )
    (found,) = rules.checked("acme", Report("acme", "h", "a", "m", steps, 1.0))
    assert found.kind is Kind.CHECK and found.what == "login on 993 (IMAP): refused"
    assert rules.checked("acme", Report("acme", "h", "a", "m", steps[:1], 1.0)) == []


def test_what_runs_as_the_stack_file_says_is_no_drift() -> None:
    assert rules.drifted(ACME, ALL, IMAGES) == []
    assert rules.drifted(ACME, ALL, {}) == []


DRIFTS = {
    "mt-acme-imap is missing": lambda one: None,
    "mt-acme-imap is exited": lambda one: rules.Container(one.name, "exited", "Exited (1)", one.image),
    "mt-acme-imap is unhealthy": lambda one: rules.Container(one.name, "running", "Up (unhealthy)", one.image),
    "mt-acme-imap runs another image": lambda one: rules.Container(one.name, "running", "Up (healthy)", "sha256:x"),
}


@pytest.mark.parametrize("said", DRIFTS)
def test_a_container_that_is_not_as_it_should_be_is_named(said: str) -> None:
    there = [DRIFTS[said](one) if one.name == "mt-acme-imap" else one for one in ALL]
    (found,) = rules.drifted(ACME, [one for one in there if one], IMAGES)
    assert found.kind is Kind.DRIFT and found.what.startswith(said) and "pulumi preview -s acme" in found.fix
