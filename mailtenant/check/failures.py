"""From an exception to a cause and a fix that a person can act on. Texts hold what servers said, never a password."""

import imaplib
import smtplib
import socket
import ssl

# Which container serves a port, for `docker logs`.
SERVICES = {25: "smtp", 465: "smtp", 587: "smtp", 993: "imap", 4190: "imap"}
# Verification results of OpenSSL (x509_vfy.h).
_EXPIRED, _NOT_YET_VALID, _WRONG_NAME = 10, 9, 62


class CheckFailed(Exception):
    """A step failed: what is wrong, and what mends it."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.fix = fix


class CheckSkipped(Exception):
    """A step does not apply; the text says why."""


def explain(error: Exception, label: str, place: str, port: int) -> CheckFailed:
    """`place` is `host:port` as it was tried. Unknown errors become their own words."""
    service = SERVICES[port]
    logs = f"docker logs mt-{label}-{service}"
    match error:
        case CheckFailed():
            return error
        case socket.gaierror():
            return CheckFailed(
                f"{place}: the name has no address in DNS",
                f"publish the tenant host's records (mailtenant records {label}), or set `publish` in the stack file",
            )
        case ssl.SSLCertVerificationError():
            return CheckFailed(f"{place}: certificate refused: {error.verify_message}", _certificate_fix(error, label))
        case ssl.SSLError() if not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return CheckFailed(f"{place}: no TLS: {_tls_words(error)}", f"see what the server says: {logs}")
        case ConnectionRefusedError():
            return CheckFailed(
                f"{place}: connection refused: nothing listens there",
                f"bring the tenant up (pulumi up -s {label}); if it is up: {logs}",
            )
        case _ if _timed_out(error):
            return CheckFailed(
                f"{place}: no answer in time",
                "a firewall on the way, a resolver without an answer, or a service that hangs: "
                f"docker logs mt-{label}-resolver, {logs}; allow more with --timeout",
            )
        case smtplib.SMTPServerDisconnected() | imaplib.IMAP4.abort() | EOFError() | ConnectionError() | ssl.SSLError():
            return CheckFailed(
                f"{place}: the server hung up",
                f"does it run? docker ps -a --filter label=mailtenant.tenant={label}; its log: {logs}",
            )
        case smtplib.SMTPResponseException():
            fix = temporary_fix(label, service) if 400 <= error.smtp_code < 500 else f"see: {logs}"
            return CheckFailed(f"{place}: {error.smtp_code} {words(error.smtp_error)}", fix)
        case imaplib.IMAP4.error():
            return CheckFailed(f"{place}: {words(error.args[0] if error.args else '')}", f"see: {logs}")
        case OSError():
            return CheckFailed(f"{place}: {error.strerror or error}", f"see: {logs}")
    return CheckFailed(f"{place}: {type(error).__name__}: {words(str(error))}", f"see: {logs}")


def temporary_fix(label: str, service: str) -> str:
    """For 4xx replies: the service itself is well, and something that it asks is not."""
    return (
        "the filter, the database or the resolver behind it is down. Which one: docker ps -a --filter "
        f"label=mailtenant.tenant={label}; docker logs mt-{label}-{service}"
    )


def _timed_out(error: Exception) -> bool:
    """smtplib hides a timeout in a disconnection."""
    hidden = isinstance(error, smtplib.SMTPServerDisconnected) and "timed out" in str(error)
    return hidden or isinstance(error, TimeoutError)


def _certificate_fix(error: ssl.SSLCertVerificationError, label: str) -> str:
    match error.verify_code:
        case code if code == _EXPIRED:
            return f"renew the certificate in the stack file, then pulumi up -s {label}"
        case code if code == _NOT_YET_VALID:
            return "set the clock of this machine, or of the one that made the certificate"
        case code if code == _WRONG_NAME:
            return "the certificate must name the tenant host: another server answers here, or `tls.chain` is another's"
    return f"it is not signed by `tls.ca` of the stack file: pulumi up -s {label} serves the right one"


def _tls_words(error: ssl.SSLError) -> str:
    return (error.reason or "handshake failed").replace("_", " ").lower()


def login_refused(place: str, label: str, code: str, said: object, service: str) -> CheckFailed:
    """The server did not take the user and the password. `code` is an SMTP code or an IMAP response code."""
    logs = f"docker logs mt-{label}-{service}"
    temporary = code.startswith("4") or code.upper() in ("UNAVAILABLE", "LIMIT", "INUSE")
    if temporary:
        return CheckFailed(
            f"{place}: login not possible now: {words(said)}",
            temporary_fix(label, service),
        )
    return CheckFailed(
        f"{place}: login refused: {words(said)}",
        f"with --mailbox: is the password right, the mailbox enabled? (mailtenant mailbox list {label}); else: {logs}",
    )


def words(said: object) -> str:
    """A server's words on one line, of a bearable length."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:299] + "…"
