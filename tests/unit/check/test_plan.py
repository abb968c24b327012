"""The whole check against a pretend tenant: all well, and one thing wrong at a time."""

from datetime import timedelta

import pytest

from mailtenant.check import Report, Status, StepResult, run_check
from mailtenant.check.failures import CheckFailed
from mailtenant.check.plan import STEPS
from tests.unit.check.tenant import GOOD, HOST, NOW, PASSWORD, USER, Faults, running


def named(report: Report, name: str) -> StepResult:
    return next(step for step in report.steps if step.name == name)


def failed(report: Report) -> list[str]:
    return [step.name for step in report.steps if step.status is Status.FAILED]


def told(**results: str) -> str:
    """An Authentication-Results field with some results changed."""
    field = f"mx; {GOOD}"
    for method, result in results.items():
        field = field.replace(f"{method}=pass", f"{method}={result}")
    return field


def test_a_tenant_in_order_passes_every_step() -> None:
    lines: list[str] = []
    with running() as check:
        report = run_check(check, lines.append)
    assert [(step.name, step.cause) for step in report.steps if step.status is not Status.PASSED] == []
    assert report.ok
    assert [step.name for step in report.steps] == [step.name for step in STEPS]
    assert "3649 days left" in named(report, "certificate").detail
    assert "SPF pass, DKIM pass, DMARC pass (by mx.elsewhere.test)" in named(report, "outside-verdict").detail
    assert f"(by {HOST})" in named(report, "inside-verdict").detail
    assert any(text.startswith("mail to itself: waiting for") for text in lines)


def test_the_mailbox_is_left_as_it_was() -> None:
    with running() as check:
        tenant = check.tenant  # type: ignore[attr-defined]
        tenant.deliver(b"Subject: of a customer\r\n\r\nhello\r\n")
        run_check(check)
        assert list(tenant.folders["INBOX"].values()) == [b"Subject: of a customer\r\n\r\nhello\r\n"]


def test_no_output_holds_the_password() -> None:
    with running(Faults(login=("535", "5.7.8 no"))) as check:
        report = run_check(check)
        assert PASSWORD not in repr(check)
    assert PASSWORD not in str(report.as_json())


@pytest.mark.parametrize(
    ("faults", "step", "cause", "fix"),
    [
        (Faults(auth_in_clear=True), "clear-login", "587: offers a login without TLS", "smtpd_tls_auth_only"),
        (Faults(mail_in_clear=True), "clear-login", "587: takes MAIL in clear (250)", "smtpd_tls_security_level"),
        (Faults(auth_on_25=True), "clear-login", "25: offers a login", "smtpd_sasl_auth_enable=no"),
        (Faults(relay="250 2.1.5 ok"), "relay", "an open relay", "stop it now"),
        (Faults(relay="451 4.3.0 map failure"), "relay", "only defers a stranger's mail (451 4.3.0 map", "database"),
        (Faults(takes_any_password=True), "wrong-password", "465: takes a wrong password", "take the tenant down"),
        (Faults(missing_folder="Sent"), "folders", "no folder has the special use Sent", "special_use"),
        (Faults(unsubscribed_folder="Junk"), "folders", "not subscribed: Junk", "auto=subscribe"),
        (Faults(refuses_mail="552 5.2.2 full"), "send-self", "not taken: 552 5.2.2 full", "docker logs mt-acme-smtp"),
        (Faults(swallows_mail=True), "send-self", "no mail from probe@acme.test to itself within 1 s", "postqueue -p"),
        (Faults(delivers_to="Junk"), "send-self", "landed in Junk", "docker logs mt-acme-filter"),
        (Faults(bounces=True), "send-outside", "it came back: 550 5.1.1 no such user here", "receiving server's"),
        (
            Faults(echo_says=told(dkim="fail")),
            "outside-verdict",
            "DKIM fail",
            "DKIM record",
        ),
        (Faults(echo_says=told(spf="softfail")), "outside-verdict", "SPF softfail", "SPF"),
        (
            Faults(echo_says=told(dmarc="fail")),
            "outside-verdict",
            "DMARC fail",
            "aligned",
        ),
        (Faults(echo_says=""), "outside-verdict", "holds no verdict", "--echo"),
        (Faults(own_says=told(spf="temperror")), "inside-verdict", "SPF temp", "DNS"),
    ],
)
def test_one_fault_is_named_with_its_fix(faults: Faults, step: str, cause: str, fix: str) -> None:
    with running(faults) as check:
        report = run_check(check)
    result = named(report, step)
    assert result.status is Status.FAILED
    assert cause in result.cause
    assert fix in result.fix
    assert not report.ok


def test_mail_without_our_own_verdict_is_a_fault() -> None:
    """The field that is there was written by the sender, and says that all failed."""
    with running(Faults(own_says="")) as check:
        report = run_check(check)
    assert "here: SPF fail" in named(report, "inside-verdict").cause


def test_a_deferred_submission_is_tried_again() -> None:
    with running(Faults(defers=1)) as check:
        check.timeout = 10
        lines: list[str] = []
        report = run_check(check, lines.append)
    assert report.ok
    assert "mail to itself: deferred (451), trying again" in lines


@pytest.mark.parametrize(
    ("login", "cause", "fix"),
    [
        (("535", "5.7.8 nope"), "login refused: 5.7.8 nope", "is the password right"),
        (("454", "4.7.0 down"), "login not possible now: 4.7.0 down", "the database"),
    ],
)
def test_a_refused_login_is_not_taken_for_a_broken_server(login: tuple[str, str], cause: str, fix: str) -> None:
    with running(Faults(login=login)) as check:
        report = run_check(check)
    assert failed(report) == ["login-465", "login-587", "login-993", "login-4190"]
    assert cause in named(report, "login-465").cause
    assert fix in named(report, "login-465").fix
    assert fix in named(report, "login-993").fix
    assert named(report, "send-self").detail == "needs: login on 465 (TLS)"
    assert named(report, "relay").status is Status.PASSED, "what needs no login is checked all the same"


def test_a_filter_that_is_down_is_no_certificate_problem_and_no_pass() -> None:
    with running(Faults(filter_is_down=True)) as check:
        report = run_check(check)
    assert failed(report) == ["login-587", "send-self", "clear-login", "relay"]
    assert named(report, "login-587").cause == "127.0.0.1:587: 454 4.3.0 Try again later"
    assert "the filter, the database or the resolver" in named(report, "login-587").fix
    assert "only defers a stranger's mail (454" in named(report, "relay").cause


def test_without_a_mailbox_the_rest_is_checked() -> None:
    with running() as check:
        check.login = CheckFailed("50 of 50 mailboxes are in use", "use a mailbox that exists")
        report = run_check(check)
    assert failed(report) == ["mailbox"]
    assert named(report, "mailbox").cause == "50 of 50 mailboxes are in use"
    assert named(report, "login-465").detail == "needs: mailbox for the check"
    assert [named(report, name).status for name in ("ports", "certificate", "clear-login", "relay")] == [
        Status.PASSED
    ] * 4
    assert report.mailbox == ""


def test_without_an_echo_address_that_part_is_left_out() -> None:
    with running() as check:
        check.echo = None
        report = run_check(check)
    assert report.ok
    assert named(report, "send-outside").status is Status.SKIPPED
    assert "--echo" in named(report, "send-outside").detail
    assert named(report, "outside-verdict").status is Status.SKIPPED


@pytest.mark.parametrize(
    ("port", "skipped"),
    [
        (25, ["clear-login", "relay"]),
        (4190, ["login-4190"]),
        (
            993,
            [
                "login-993",
                "folders",
                "send-self",
                "send-outside",
                "outside-verdict",
                "inside-verdict",
                "wrong-password",
            ],
        ),
    ],
)
def test_a_closed_port_is_named_and_the_others_are_checked(port: int, skipped: list[str]) -> None:
    with running(stop=port) as check:
        report = run_check(check)
    assert failed(report) == ["ports"]
    assert named(report, "ports").cause == f"127.0.0.1:{port}: connection refused: nothing listens there"
    assert "pulumi up -s acme" in named(report, "ports").fix
    assert [step.name for step in report.steps if step.status is Status.SKIPPED] == skipped


def test_a_port_without_a_service_behind_it_is_named() -> None:
    with running(Faults(hangs_up_on=25)) as check:
        report = run_check(check)
    assert named(report, "ports").cause == "127.0.0.1:25: the server hung up"
    assert "docker ps -a --filter label=mailtenant.tenant=acme" in named(report, "ports").fix


def test_a_server_that_says_nothing_does_not_hang_the_check() -> None:
    with running(Faults(hangs_on=587)) as check:
        report = run_check(check)
    assert named(report, "ports").cause == "127.0.0.1:587: no answer in time"
    assert report.seconds < 15


def test_a_certificate_for_another_host_is_refused() -> None:
    with running(host="beta.outboxment.test") as check:
        report = run_check(check)
    assert failed(report) == ["certificate"]
    assert "certificate refused: Hostname mismatch" in named(report, "certificate").cause
    assert "another server answers" in named(report, "certificate").fix


def test_a_certificate_of_another_ca_is_refused() -> None:
    from mailtenant.certificates import make_local_certificates

    with running(ca=make_local_certificates("acme", HOST, NOW).ca) as check:
        report = run_check(check)
    assert "certificate refused" in named(report, "certificate").cause
    assert "not signed by `tls.ca`" in named(report, "certificate").fix


def test_an_expired_certificate_is_refused() -> None:
    with running(made=NOW - timedelta(days=4000)) as check:
        report = run_check(check)
    assert "certificate has expired" in named(report, "certificate").cause
    assert "renew" in named(report, "certificate").fix


def test_a_certificate_that_ends_soon_is_a_fault() -> None:
    with running() as check:
        check.now = lambda: NOW + timedelta(days=3645)
        report = run_check(check)
    assert named(report, "certificate").cause == f"the certificate for {HOST} ends in 5 days"


def test_the_report_is_readable_by_programs() -> None:
    with running(Faults(relay="250 ok")) as check:
        found = run_check(check).as_json()
    assert (found["label"], found["ok"], found["host"], found["mailbox"]) == ("acme", False, HOST, USER)
    steps = found["steps"]
    assert isinstance(steps, list)
    assert set(steps[0]) == {"name", "title", "status", "seconds", "detail", "cause", "fix"}
