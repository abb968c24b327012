"""Steps that send: to itself, to another server, and what both sides think of it."""

import imaplib
import smtplib
import time
from email.message import EmailMessage

from mailtenant.check import inbox
from mailtenant.check.failures import CheckFailed, CheckSkipped, explain, words
from mailtenant.check.messages import probe_message
from mailtenant.check.state import Check
from mailtenant.check.steps_login import imap_login, smtp_login
from mailtenant.check.verdicts import METHODS, Verdict, echoed_verdict, own_verdict

_RETRY_SECONDS = 1.0


def send_to_self(check: Check) -> str:
    """Submitted on 465, found in INBOX over 993."""
    token = f"{check.token}-self"
    begun = time.monotonic()
    _submit(check, 465, check.mailbox, token)
    _await(check, token, f"mail from {check.mailbox} to itself")
    return f"in INBOX after {time.monotonic() - begun:.1f} s"


def send_outside(check: Check) -> str:
    """Submitted on 587 to an echo address elsewhere, whose answer comes in through port 25."""
    if check.echo is None:
        raise CheckSkipped("no echo address is known for this platform; name one with --echo")
    token = f"{check.token}-echo"
    begun = time.monotonic()
    _submit(check, 587, check.echo, token)
    check.answer = _await(check, token, f"answer of {check.echo}")
    return f"{check.echo} answered after {time.monotonic() - begun:.1f} s"


def outside_is_content(check: Check) -> str:
    """SPF, DKIM and DMARC of our mail, as the other server judged them."""
    verdict = echoed_verdict(_answer(check))
    if verdict is None:
        raise CheckFailed(
            f"the answer of {check.echo} holds no verdict",
            "name an address that answers with SPF and DKIM results: --echo",
        )
    # DMARC is not told by every echo service; what is told must be good.
    wanted = [method for method in METHODS if method != "dmarc" or method in verdict.results]
    if not verdict.passed(*wanted):
        raise CheckFailed(f"outside: {verdict}", _outside_fix(verdict, check.place.label))
    return str(verdict)


def inside_is_content(check: Check) -> str:
    """SPF, DKIM and DMARC of the answer, as this tenant's own filter judged them."""
    verdict = own_verdict(_answer(check))
    if verdict is None:
        raise CheckFailed(
            "mail from outside arrives without Authentication-Results",
            f"the filter did not see it: docker logs mt-{check.place.label}-filter",
        )
    wanted = [method for method in METHODS if method != "dmarc" or method in verdict.results]
    if not verdict.passed(*wanted):
        raise CheckFailed(
            f"here: {verdict}", f"can the tenant's resolver reach DNS? docker logs mt-{check.place.label}-resolver"
        )
    return str(verdict)


def _answer(check: Check) -> EmailMessage:
    if check.answer is None:
        raise CheckSkipped("nothing was sent outside")
    return check.answer


def _outside_fix(verdict: Verdict, label: str) -> str:
    if not verdict.passed("spf"):
        return f"the SPF record must list the tenant's address: compare with mailtenant records {label}"
    if not verdict.passed("dkim"):
        return f"the DKIM record must hold the key that signs: compare with mailtenant records {label}"
    return f"the DMARC record must be there and aligned: compare with mailtenant records {label}"


def _submit(check: Check, port: int, recipient: str, token: str) -> None:
    """Send one message; 4xx is tried again as a mail client does, until the time is over."""
    place = check.place
    message = probe_message(check.mailbox, recipient, token, check.now())
    deadline = time.monotonic() + check.timeout
    while True:
        try:
            with place.smtp(port, starttls=port == 587) as client:
                smtp_login(check, client, port, check.password)
                refusal = _transfer(client, message, check.mailbox, recipient)
        except (OSError, smtplib.SMTPException) as error:
            raise explain(error, place.label, place.name(port), port) from error
        if refusal is None:
            return
        code, said = refusal
        if code >= 500 or time.monotonic() + _RETRY_SECONDS > deadline:
            raise CheckFailed(
                f"{place.name(port)}: mail to {recipient} not taken: {code} {words(said)}",
                f"docker logs mt-{place.label}-smtp and docker logs mt-{place.label}-filter say which rule it was",
            )
        check.tell(f"deferred ({code}), trying again")
        time.sleep(_RETRY_SECONDS)


def _transfer(client: smtplib.SMTP, message: EmailMessage, sender: str, recipient: str) -> tuple[int, bytes] | None:
    """None when the server has taken the message, else its refusal."""
    try:
        client.send_message(message, sender, [recipient])
    except smtplib.SMTPRecipientsRefused as error:
        return error.recipients[recipient]
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        return error.smtp_code, said if isinstance(said, bytes) else said.encode()
    return None


def _await(check: Check, token: str, what: str) -> EmailMessage:
    place = check.place
    try:
        with place.imap() as client:
            imap_login(check, client, check.password)
            found = inbox.wait_for(
                client, token, check.timeout, lambda passed: check.tell(f"waiting for the {what}, {passed:.0f} s")
            )
    except (OSError, imaplib.IMAP4.error) as error:
        raise explain(error, place.label, place.name(993), 993) from error
    if found is None:
        raise CheckFailed(
            f"no {what} within {check.timeout:.0f} s",
            f"is it in the queue? docker exec mt-{place.label}-smtp postqueue -p; docker logs mt-{place.label}-smtp",
        )
    check.found.append(found)
    if found.arrival.kind == "bounce":
        raise CheckFailed(
            f"it came back: {words(found.arrival.words)}",
            f"that is the receiving server's reason; the whole dialogue: docker logs mt-{place.label}-smtp",
        )
    if found.folder != "INBOX":
        raise CheckFailed(
            f"the {what} landed in {found.folder}",
            f"the filter takes it for spam: docker logs mt-{place.label}-filter shows its score",
        )
    return found.arrival.message
