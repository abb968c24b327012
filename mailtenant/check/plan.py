"""The steps in their order, what each needs, and their run: one step's failure never hides another's."""

import imaplib
import time
from collections.abc import Callable
from dataclasses import dataclass

from mailtenant.check import inbox, steps_connect, steps_login, steps_mail
from mailtenant.check.failures import CheckFailed, CheckSkipped
from mailtenant.check.report import Report, Status, StepResult
from mailtenant.check.state import Check


@dataclass(frozen=True)
class Step:
    """`needs` names steps, and `ports` ports, without which this one would only repeat their failure."""

    name: str
    title: str
    action: Callable[[Check], str]
    needs: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


_LOGIN = ("certificate", "mailbox")
STEPS = (
    Step("ports", "ports take connections", steps_connect.ports_answer),
    Step("certificate", "certificate", steps_connect.certificate_is_right),
    Step("mailbox", "mailbox for the check", steps_login.mailbox_is_there),
    Step("login-465", "login on 465 (TLS)", steps_login.login_submission(465), _LOGIN, (465,)),
    Step("login-587", "login on 587 (STARTTLS)", steps_login.login_submission(587), _LOGIN, (587,)),
    Step("login-993", "login on 993 (IMAP)", steps_login.login_imap, _LOGIN, (993,)),
    Step("login-4190", "login on 4190 (Sieve)", steps_login.login_sieve, _LOGIN, (4190,)),
    Step("folders", "folders of a new mailbox", steps_login.folders_are_there, ("login-993",)),
    Step("send-self", "mail to itself", steps_mail.send_to_self, ("login-465", "login-993")),
    Step("send-outside", "mail to another server and back", steps_mail.send_outside, ("login-587", "login-993")),
    Step("outside-verdict", "SPF, DKIM, DMARC outside", steps_mail.outside_is_content, ("send-outside",)),
    Step("inside-verdict", "SPF, DKIM, DMARC here", steps_mail.inside_is_content, ("send-outside",)),
    Step("clear-login", "no login without TLS", steps_connect.no_login_without_tls, ("certificate",), (587, 25)),
    Step("relay", "no relay for strangers", steps_connect.strangers_cannot_relay, ports=(25,)),
    # Last, since servers slow down after it.
    Step("wrong-password", "wrong password refused", steps_login.wrong_password_is_refused, ("login-465", "login-993")),
)


def run_check(check: Check, progress: Callable[[str], None] = lambda _: None) -> Report:
    """Every step that can be tried. `progress` gets a line for a person each time something begins or is waited for."""
    begun = time.monotonic()
    results: dict[str, StepResult] = {}
    try:
        for step in STEPS:
            check.tell = _titled(step.title, progress)
            progress(step.title)
            results[step.name] = run_step(step, check, results)
    finally:
        _take_away(check)
    place, mailbox = check.place, "" if isinstance(check.login, CheckFailed) else check.login.address
    return Report(place.label, place.host, place.address, mailbox, tuple(results.values()), time.monotonic() - begun)


def _titled(title: str, progress: Callable[[str], None]) -> Callable[[str], None]:
    return lambda text: progress(f"{title}: {text}")


def run_step(step: Step, check: Check, results: dict[str, StepResult]) -> StepResult:
    """One step, or the reason why it was not tried."""
    for need in step.needs:
        if results[need].status is not Status.PASSED:
            return StepResult(step.name, step.title, Status.SKIPPED, 0.0, f"needs: {results[need].title}")
    for port in step.ports:
        if port in check.silent:
            return StepResult(step.name, step.title, Status.SKIPPED, 0.0, f"needs: an answer on {port}")
    begun = time.monotonic()
    try:
        detail = step.action(check)
    except CheckFailed as error:
        passed = time.monotonic() - begun
        return StepResult(step.name, step.title, Status.FAILED, passed, cause=error.cause, fix=error.fix)
    except CheckSkipped as reason:
        return StepResult(step.name, step.title, Status.SKIPPED, time.monotonic() - begun, str(reason))
    return StepResult(step.name, step.title, Status.PASSED, time.monotonic() - begun, detail)


def _take_away(check: Check) -> None:
    """A customer's mailbox must look as before. What cannot be removed stays: that is no failure of the tenant."""
    if not check.found:
        return
    try:
        with check.place.imap() as client:
            steps_login.imap_login(check, client, check.password)
            inbox.take_away(client, check.found)
    except (OSError, imaplib.IMAP4.error, CheckFailed):
        return
