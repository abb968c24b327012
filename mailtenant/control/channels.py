"""How a message leaves: as mail through a relay, as a signed POST to the customer's webhook, or to the operators'."""

import base64
import hashlib
import hmac
import json
import smtplib
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

import httpx

from mailtenant.control.errors import Misconfigured
from mailtenant.control.notifications import render
from mailtenant.control.outbox import MAIL, OPERATORS, WEBHOOK
from mailtenant.control.plane import ControlPlane
from mailtenant.control.sender import Deliver, Letter, OursToMend, TryAgain, Undeliverable
from mailtenant.control.tables import Tenant

_SECONDS = 30


def channels(plane: ControlPlane) -> Mapping[str, Deliver]:
    """All of them, as the settings say."""
    return {MAIL: MailChannel(plane), WEBHOOK: WebhookChannel(plane), OPERATORS: OperatorsWebhook(plane)}


class MailChannel:
    """Plain text through the relay of `MAILTENANT_RELAY_URL`: smtp://, smtp+starttls:// or smtps://, with a login if it
    has one. Certificates are verified."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    def __call__(self, letter: Letter) -> None:
        message = self.message(letter)
        try:
            with _connect(self._plane.settings.relay_url.get_secret_value()) as relay:
                relay.send_message(message)
        except smtplib.SMTPRecipientsRefused as refused:
            code = max(code for code, _ in refused.recipients.values())
            raise (Undeliverable if code >= 500 else TryAgain)(f"the relay answered {code} to the recipient") from None
        except smtplib.SMTPResponseException as refused:
            if refused.smtp_code < 500:
                raise TryAgain(f"the relay answered {refused.smtp_code}") from None
            # To the login or the sender it is our settings that are wrong.
            kind = Undeliverable if isinstance(refused, smtplib.SMTPDataError) else OursToMend
            raise kind(f"the relay answered {refused.smtp_code}") from None
        except Misconfigured as error:
            raise OursToMend(str(error)) from None
        except (OSError, smtplib.SMTPException) as error:
            raise TryAgain(f"the relay cannot be used: {type(error).__name__}") from None

    def message(self, letter: Letter) -> EmailMessage:
        """The same octets at every attempt."""
        settings = self._plane.settings
        subject, body = render(letter.kind, letter.facts)
        message = EmailMessage()
        message["From"] = settings.sender
        message["To"] = Address(str(letter.facts["contact"]), addr_spec=letter.recipient)
        message["Reply-To"] = settings.support_email
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime.fromisoformat(letter.created))
        message["Message-ID"] = f"<{letter.id}@{settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(body)
        return message


def _connect(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    if not url or not parts.hostname:
        raise Misconfigured("MAILTENANT_RELAY_URL is not set: smtps://login:password@host:465")
    tls = ssl.create_default_context()
    relay: smtplib.SMTP
    if parts.scheme == "smtps":
        relay = smtplib.SMTP_SSL(parts.hostname, parts.port or 465, timeout=_SECONDS, context=tls)
    elif parts.scheme in ("smtp", "smtp+starttls"):
        relay = smtplib.SMTP(parts.hostname, parts.port or 25, timeout=_SECONDS)
    else:
        raise Misconfigured("MAILTENANT_RELAY_URL: smtp://, smtp+starttls:// or smtps://")
    try:
        if parts.scheme == "smtp+starttls":
            relay.starttls(context=tls)
        if parts.username:
            relay.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        relay.close()
        raise
    return relay


class WebhookChannel:
    """Posts JSON to the customer's webhook, signed as https://www.standardwebhooks.com says: `webhook-id`,
    `webhook-timestamp`, `webhook-signature`. The id is the same at every attempt."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane, self._post = plane, _Post(plane)

    def __call__(self, letter: Letter) -> None:
        with self._plane.database.read() as session:
            tenant = session.get_one(Tenant, letter.tenant_id)
            sealed, url = tenant.webhook_secret, tenant.webhook_url
        if sealed is None or url != letter.recipient:
            raise Undeliverable("the customer has removed or changed this webhook")
        self._post(letter, url, f"migration.{letter.kind}", self._plane.vault.open(sealed))


class OperatorsWebhook:
    """Posts alerts to `MAILTENANT_ALERT_WEBHOOK`, which may hold a token: it stands in the settings only. Signed if
    `MAILTENANT_ALERT_WEBHOOK_SECRET` is set."""

    def __init__(self, plane: ControlPlane) -> None:
        self._settings, self._post = plane.settings, _Post(plane)

    def __call__(self, letter: Letter) -> None:
        if not (url := self._settings.alert_webhook.get_secret_value()):
            raise Undeliverable("MAILTENANT_ALERT_WEBHOOK is not set any more")
        secret = self._settings.alert_webhook_secret.get_secret_value()
        self._post(letter, url, f"alert.{letter.facts['kind']}", secret)


class _Post:
    """One request; the answer decides. Raises: Undeliverable, TryAgain"""

    def __init__(self, plane: ControlPlane) -> None:
        self._now = plane.now
        self._client = httpx.Client(timeout=plane.settings.webhook_seconds, follow_redirects=False)

    def __call__(self, letter: Letter, url: str, type_: str, secret: str) -> None:
        """`secret` empty: not signed."""
        body = json.dumps(
            {"type": type_, "timestamp": letter.created, "data": dict(letter.facts)},
            sort_keys=True, separators=(",", ":"),
        ).encode()  # fmt: skip
        timestamp = str(int(self._now().timestamp()))
        headers = {
            "content-type": "application/json", "webhook-id": f"msg_{letter.id}", "webhook-timestamp": timestamp,
        }  # fmt: skip
        if secret:
            headers["webhook-signature"] = signature(secret, f"msg_{letter.id}", timestamp, body)
        try:
            answer = self._client.post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise TryAgain(f"no answer: {type(error).__name__}") from None
        if answer.status_code == 410:
            raise Undeliverable("the receiver answered 410: it is gone for good")
        if not answer.is_success:
            raise TryAgain(f"the receiver answered {answer.status_code}")


def signature(secret: str, identity: str, timestamp: str, body: bytes) -> str:
    """`v1,<base64 of HMAC-SHA-256>` over id, time and body; a secret `whsec_…` is base64, another is taken as it is."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    signed = b".".join((identity.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
