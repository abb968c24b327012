"""A running tenant as the tests see it: its ports on a loopback address, its mailboxes, its containers."""

import base64
import imaplib
import json
import re
import smtplib
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any, TypeVar

from mailtenant.environment import tool_environment
from mailtenant.settings import TenantSettings, load_stack_file

DEADLINE = 60.0
T = TypeVar("T")


def eventually(probe: Callable[[], T], *, seconds: float = DEADLINE, what: str = "the condition") -> T:
    """Polls until `probe` returns something true; the last answer or error is in the failure's text."""
    deadline, last = time.monotonic() + seconds, "nothing yet"
    while True:
        try:
            if answer := probe():
                return answer
            last = repr(answer)
        except (OSError, AssertionError, smtplib.SMTPException, imaplib.IMAP4.error) as error:
            last = repr(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:.0f} s; last: {last}")
        time.sleep(0.2)


@dataclass(frozen=True)
class Mailbox:
    """An address that can log in."""

    address: str
    password: str


@dataclass
class RunningTenant:
    """One tenant of the test world, up."""

    label: str
    project: Path
    environment: dict[str, str]
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)

    @property
    def stack_file(self) -> Path:
        return self.project / "stacks" / f"Pulumi.{self.label}.yaml"

    @property
    def settings(self) -> TenantSettings:
        return load_stack_file(self.stack_file).settings

    @property
    def domain(self) -> str:
        return self.settings.domains[0].name

    @property
    def publish(self) -> str:
        return str(self.settings.publish)

    def tls(self) -> ssl.SSLContext:
        """Trusts the tenant's own CA and nothing else."""
        return ssl.create_default_context(cadata=self.settings.tls.ca)

    # -- the stack file ------------------------------------------------------------------------------------------------

    def edit(self, pattern: str, text: str) -> None:
        """Puts `text`, as it is, in place of what the pattern matches, which must be there once."""
        before = self.stack_file.read_text()
        changed, number = re.subn(pattern, lambda _: text, before, flags=re.MULTILINE)
        assert number == 1, f"{pattern} is in {self.stack_file} {number} times"
        assert changed != before, f"{text} is in {self.stack_file} already"
        self.stack_file.write_text(changed)

    def set_line(self, key: str, value: str) -> None:
        """One setting that stands on a line of its own."""
        self.edit(rf"^    {key}: .*$", f"    {key}: {value}")

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """The stack file is as it was, and up, in the end."""
        text = self.stack_file.read_text()
        try:
            yield
        finally:
            self.stack_file.write_text(text)
            self.up()

    # -- commands ------------------------------------------------------------------------------------------------------

    def cli(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """`mailtenant …` in the test's project."""
        return run(
            ["mailtenant", *arguments, "--project", str(self.project)], self.environment, self.project, stdin, check
        )

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`pulumi … --stack <label>` in the test's project."""
        command = ["pulumi", *arguments, "--stack", self.label, "--non-interactive", "--color", "never"]
        return run(command, self.environment, self.project, "", check)

    def up(self) -> subprocess.CompletedProcess[str]:
        return self.pulumi("up", "--yes", "--skip-preview")

    def container(self, service: str) -> str:
        return f"mt-{self.label}-{service}"

    def docker(self, *arguments: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return run(["docker", *arguments], self.environment, self.project, stdin, check)

    def execute(self, service: str, *command: str, check: bool = True) -> str:
        """Runs a command inside a service's container and returns what it printed."""
        return self.docker("exec", self.container(service), *command, check=check).stdout

    def logs(self, service: str) -> str:
        done = self.docker("logs", self.container(service))
        return done.stdout + done.stderr

    def healthy(self, service: str, *, seconds: float = 120) -> None:
        """Waits until the engine calls the service's container healthy."""
        form = "{{.State.Running}} {{.State.Health.Status}}"

        def probe() -> bool:
            return self.docker("inspect", "-f", form, self.container(service), check=False).stdout.split() == [
                "true",
                "healthy",
            ]

        eventually(probe, seconds=seconds, what=f"{self.container(service)} healthy")

    # -- mailboxes -----------------------------------------------------------------------------------------------------

    def mailbox(self, local_part: str, domain: str | None = None, *, quota_mib: int | None = None) -> Mailbox:
        """An address with a password, made on first use."""
        address = f"{local_part}@{domain or self.domain}"
        if address not in self.mailboxes:
            password = f"pw of {local_part} – ünïcode ✓"
            quota = ["--quota-mib", str(quota_mib)] if quota_mib else []
            self.cli("mailbox", "add", self.label, address, "--password-stdin", *quota, stdin=password + "\n")
            self.mailboxes[address] = Mailbox(address, password)
        return self.mailboxes[address]

    # -- SMTP ----------------------------------------------------------------------------------------------------------

    @contextmanager
    def smtp(self, *, starttls: bool = False) -> Iterator[smtplib.SMTP]:
        """Port 25, as another mail server."""
        with smtplib.SMTP(self.publish, 25, local_hostname="client.elsewhere.test", timeout=DEADLINE) as client:
            if starttls:
                client._host = self.settings.host  # type: ignore[attr-defined]
                client.starttls(context=self.tls())
                client.ehlo()
            yield client

    @contextmanager
    def submission(self, mailbox: Mailbox | None = None, *, port: int = 465) -> Iterator[smtplib.SMTP]:
        """465 (implicit TLS) or 587 (STARTTLS), logged in if a mailbox is given."""
        client: smtplib.SMTP = (
            _ImplicitTls(self.publish, self.settings.host, self.tls())
            if port == 465
            else smtplib.SMTP(self.publish, port, timeout=DEADLINE)
        )
        with client:
            if port == 587:
                client._host = self.settings.host  # type: ignore[attr-defined]
                client.starttls(context=self.tls())
            client.ehlo("client.example")
            if mailbox:
                authenticate(client, mailbox)
            yield client

    # -- IMAP ----------------------------------------------------------------------------------------------------------

    @contextmanager
    def imap(self, mailbox: Mailbox) -> Iterator[imaplib.IMAP4]:
        """993, logged in."""
        with _Imap(self.publish, self.settings.host, self.tls()) as client:
            client.authenticate("PLAIN", lambda _: f"\0{mailbox.address}\0{mailbox.password}".encode())
            yield client

    def messages(self, mailbox: Mailbox, folder: str = "INBOX") -> list[bytes]:
        """Every message of a folder, whole."""
        with self.imap(mailbox) as client:
            client.select(folder, readonly=True)
            found = client.search(None, "ALL")[1][0].split()
            return [client.fetch(number, "(BODY.PEEK[])")[1][0][1] for number in found]  # type: ignore[index,misc]

    def wait_for(self, mailbox: Mailbox, token: str, *, folder: str = "INBOX", seconds: float = DEADLINE) -> bytes:
        """The one message of the folder that holds `token`."""

        def probe() -> bytes | None:
            found = [raw for raw in self.messages(mailbox, folder) if token.encode() in raw]
            assert len(found) < 2, f"{token} was delivered {len(found)} times"
            return found[0] if found else None

        return eventually(probe, seconds=seconds, what=f"{token} in {mailbox.address}/{folder}")  # type: ignore[return-value]


def authenticate(client: smtplib.SMTP, mailbox: Mailbox) -> None:
    """AUTH PLAIN with a UTF-8 password, which smtplib's own `login` cannot send (RFC 4616 §2).

    Raises: smtplib.SMTPAuthenticationError
    """
    initial = base64.b64encode(f"\0{mailbox.address}\0{mailbox.password}".encode()).decode()
    code, text = client.docmd("AUTH", f"PLAIN {initial}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, text)


class _ImplicitTls(smtplib.SMTP_SSL):
    """SMTP over TLS to a loopback address, with the certificate checked against the tenant's host name."""

    def __init__(self, address: str, host: str, context: ssl.SSLContext) -> None:
        self._tenant_host, self._address = host, address
        super().__init__(address, 465, timeout=DEADLINE, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        plain = smtplib.SMTP._get_socket(self, host, port, timeout)  # type: ignore[attr-defined]
        return self.context.wrap_socket(plain, server_hostname=self._tenant_host)


class _Imap(imaplib.IMAP4_SSL):
    """IMAP over TLS to a loopback address, with the certificate checked against the tenant's host name."""

    def __init__(self, address: str, host: str, context: ssl.SSLContext) -> None:
        self._tenant_host = host
        super().__init__(address, 993, ssl_context=context, timeout=DEADLINE)

    def _create_socket(self, timeout: float | None) -> Any:
        plain = imaplib.IMAP4._create_socket(self, timeout)  # type: ignore[attr-defined]
        return self.ssl_context.wrap_socket(plain, server_hostname=self._tenant_host)


def message(
    sender: str, to: str, token: str, *, subject: str | None = None, body: str = "Hello,\r\n\r\nthis is a test.\r\n"
) -> EmailMessage:
    """A small plain message that can be found again by its token."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject or f"test {token}"
    mail["Date"], mail["Message-ID"] = (
        formatdate(),
        make_msgid(idstring=token, domain=sender.rsplit("@", 1)[-1].rstrip(">")),
    )
    mail.set_content(body + f"\r\n{token}\r\n")
    return mail


def run(
    command: list[str], environment: dict[str, str], folder: Path, stdin: str = "", check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Runs a command with the tools' environment; a failure shows what it printed."""
    done = subprocess.run(
        command,
        env={**tool_environment(), **environment},
        cwd=folder,
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
        timeout=900,
    )
    if check and done.returncode:
        # Pulumi says what went wrong ahead of the outputs, which can be long.
        wrong = done.stdout.partition("Diagnostics:")[2][:4000]
        raise AssertionError(
            f"{' '.join(command)} exited {done.returncode}\n{wrong}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
    return done


def outputs(tenant: RunningTenant) -> dict[str, Any]:
    """The stack's outputs."""
    answer: dict[str, Any] = json.loads(tenant.pulumi("stack", "output", "--json").stdout)
    return answer
