"""Steps that log in: each way in with the right password, and with a wrong one."""

import imaplib
import re
import smtplib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mailtenant.check.failures import SERVICES, CheckFailed, explain, login_refused
from mailtenant.check.place import plain_token
from mailtenant.check.sieve import SieveError
from mailtenant.check.state import Check

SPECIAL_FOLDERS = (r"\Drafts", r"\Junk", r"\Sent", r"\Trash")
_FOLDER = re.compile(rb'^\((?P<flags>[^)]*)\) (?:"[^"]*"|NIL) (?P<name>.+)$')
_RESPONSE_CODE = re.compile(r"\[([A-Z-]+)")


def mailbox_is_there(check: Check) -> str:
    """The mailbox that the other steps use; made before the first step."""
    return check.mailbox


def login_submission(port: int) -> Callable[[Check], str]:
    """465 or 587."""

    def step(check: Check) -> str:
        try:
            with check.place.smtp(port, starttls=port == 587) as client:
                smtp_login(check, client, port, check.password)
                version = client.sock.version() if client.sock and hasattr(client.sock, "version") else "TLS"
                return f"{check.mailbox} over {version}"
        except (OSError, smtplib.SMTPException) as error:
            raise explain(error, check.place.label, check.place.name(port), port) from error

    return step


def smtp_login(check: Check, client: smtplib.SMTP, port: int, password: str) -> None:
    """Raises: CheckFailed with the server's reason."""
    place = check.place
    if not client.has_extn("auth") or "PLAIN" not in client.esmtp_features["auth"].upper().split():
        raise CheckFailed(
            f"{place.name(port)}: offers no login, although TLS is there",
            f"the password service does not answer Postfix: docker logs mt-{place.label}-imap",
        )
    code, said = client.docmd("AUTH PLAIN", plain_token(check.mailbox, password))
    if code != 235:
        raise login_refused(place.name(port), place.label, str(code), said, SERVICES[port])


def login_imap(check: Check) -> str:
    try:
        with check.place.imap() as client:
            imap_login(check, client, check.password)
            return f"{check.mailbox}, {count_messages(client)} messages in INBOX"
    except (OSError, imaplib.IMAP4.error) as error:
        raise explain(error, check.place.label, check.place.name(993), 993) from error


def imap_login(check: Check, client: imaplib.IMAP4, password: str) -> None:
    """Raises: CheckFailed with the server's reason."""
    place = check.place
    response = f"\0{check.mailbox}\0{password}".encode()
    try:
        client.authenticate("PLAIN", lambda _: response)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        said = error.args[0] if error.args else ""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        code = _RESPONSE_CODE.search(text)
        raise login_refused(place.name(993), place.label, code[1] if code else "", text, "imap") from error


def count_messages(client: imaplib.IMAP4) -> int:
    status, counted = client.select("INBOX", readonly=True)
    if status != "OK" or not counted[0]:
        raise imaplib.IMAP4.error("INBOX cannot be opened")
    return int(counted[0])


def login_sieve(check: Check) -> str:
    place = check.place
    try:
        with place.sieve() as client:
            try:
                client.authenticate_plain(plain_token(check.mailbox, check.password))
            except SieveError as error:
                raise login_refused(place.name(4190), place.label, "", str(error), "imap") from error
            return str(client.capabilities.get("IMPLEMENTATION", "ManageSieve"))
    except (OSError, EOFError, SieveError) as error:
        raise explain(error, place.label, place.name(4190), 4190) from error


def wrong_password_is_refused(check: Check) -> str:
    """One try on 465 and one on 993: few enough not to be taken for an attack. Both at once: servers answer late."""
    wrong = f"not-{check.password[::-1]}"
    with ThreadPoolExecutor() as pool:
        tries = [pool.submit(refuses, check, wrong) for refuses in (_submission_refuses, _imap_refuses)]
        return ", ".join(one.result() for one in tries)


def _submission_refuses(check: Check, wrong: str) -> str:
    place = check.place
    try:
        with place.smtp(465, starttls=False) as client:
            code, said = client.docmd("AUTH PLAIN", plain_token(check.mailbox, wrong))
    except (OSError, smtplib.SMTPException) as error:
        raise explain(error, place.label, place.name(465), 465) from error
    if code < 300:
        raise _taken(place.name(465))
    if code < 500:
        raise login_refused(place.name(465), place.label, str(code), said, "smtp")
    return f"{code} on 465"


def _imap_refuses(check: Check, wrong: str) -> str:
    place = check.place
    try:
        with place.imap() as imap:
            try:
                imap_login(check, imap, wrong)
            except CheckFailed:
                return "refused on 993"
    except (OSError, imaplib.IMAP4.error) as error:
        raise explain(error, place.label, place.name(993), 993) from error
    raise _taken(place.name(993))


def _taken(place: str) -> CheckFailed:
    return CheckFailed(
        f"{place}: takes a wrong password",
        "take the tenant down at once (mailtenant down), then look at the passdb of its Dovecot",
    )


def folders_are_there(check: Check) -> str:
    """Drafts, Junk, Sent and Trash exist, carry their special use (RFC 6154) and are subscribed."""
    try:
        with check.place.imap() as client:
            imap_login(check, client, check.password)
            client.xatom("LIST", '""', '"*"', "RETURN", "(SPECIAL-USE SUBSCRIBED)")
            lines = [line for line in client.response("LIST")[1] or [] if isinstance(line, bytes)]
    except (OSError, imaplib.IMAP4.error) as error:
        raise explain(error, check.place.label, check.place.name(993), 993) from error
    return judge_folders(lines)


def judge_folders(lines: list[bytes]) -> str:
    """Takes LIST responses without their first word. Raises: CheckFailed for what is missing."""
    uses: dict[str, str] = {}
    unsubscribed = []
    for line in lines:
        if found := _FOLDER.match(line):
            flags = {flag.lower() for flag in found["flags"].decode("ascii", "replace").split()}
            name = found["name"].decode("ascii", "replace").strip('"')
            uses |= {use: name for use in SPECIAL_FOLDERS if use.lower() in flags}
            if r"\subscribed" not in flags and any(use.lower() in flags for use in SPECIAL_FOLDERS):
                unsubscribed.append(name)
    fix = "the `mailbox` blocks of dovecot.conf make them (special_use, auto=subscribe): pulumi up restores them"
    missing = [use[1:] for use in SPECIAL_FOLDERS if use not in uses]
    if missing:
        raise CheckFailed(f"no folder has the special use {', '.join(missing)}", fix)
    if unsubscribed:
        raise CheckFailed(f"not subscribed: {', '.join(unsubscribed)}, so mail clients hide them", fix)
    return ", ".join(uses[use] for use in SPECIAL_FOLDERS)
