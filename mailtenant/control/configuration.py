"""The control plane's settings, from `MAILTENANT_…` variables of the environment. docs/control-plane.md lists them."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Self

from limits import parse
from pydantic import AfterValidator, Field, SecretStr

from mailtenant.control.variables import FromEnvironment
from mailtenant.control.webhook_address import is_signing_secret, is_webhook
from mailtenant.migration import Policy
from mailtenant.settings.names import EmailAddress, Fqdn


def _rate(text: str) -> str:
    parse(text)
    return text


def _webhook(url: SecretStr) -> SecretStr:
    if url.get_secret_value() and not is_webhook(url.get_secret_value()):
        raise ValueError("a whole address that begins with https:// is needed")
    return url


def _signing(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value() and not is_signing_secret(secret.get_secret_value()):
        raise ValueError("it begins with whsec_, but no base64 stands behind it; copy all of it")
    return secret


Rate = Annotated[str, AfterValidator(_rate)]


class ControlSettings(FromEnvironment):
    """Defaults are those of the embedded control plane: one process, SQLite below the project's `.state`."""

    prefix: ClassVar[str] = "MAILTENANT_"

    database_url: SecretStr = SecretStr("")
    key_file: Path | None = None
    platform_domain: Fqdn = "outboxment.com"
    shared_smtp_host: Fqdn = "mail.inboxment.com"
    shared_imap_host: Fqdn = "mail.inboxment.com"
    userinfo_max_age: int = Field(default=30, ge=0, le=3600)
    rate_key: Rate = "600/minute"
    rate_address: Rate = "60/minute"
    rate_storage: str = "memory://"
    support_email: EmailAddress = "support@inboxment.com"
    sender: EmailAddress = "notifications@inboxment.com"
    relay_url: SecretStr = SecretStr("")
    webhook_seconds: float = Field(default=10, gt=0)
    notice_days: int = Field(default=7, ge=0)
    hold_days: int = Field(default=7, ge=5)
    alert_email: EmailAddress | None = None
    alert_webhook: Annotated[SecretStr, AfterValidator(_webhook)] = SecretStr("")
    alert_webhook_secret: Annotated[SecretStr, AfterValidator(_signing)] = SecretStr("")
    alert_records_days: float = Field(default=2, gt=0)
    alert_window_minutes: float = Field(default=30, ge=0)

    @classmethod
    def with_state(cls, state: Path, environment: Mapping[str, str] | None = None) -> Self:
        """As `from_environment`; where no database is named it is the embedded one, kept with its key in `state`."""
        if (os.environ if environment is None else environment).get(cls.variable("database_url")):
            return cls.from_environment(environment)
        url = f"sqlite:///{state / 'control.db'}"
        return cls.from_environment(environment, database_url=url, key_file=str(state / "control.key"))

    @property
    def url(self) -> str:
        return self.database_url.get_secret_value()

    @property
    def policy(self) -> Policy:
        """What the guards of a migration go by."""
        return Policy(notice=timedelta(days=self.notice_days), hold=timedelta(days=self.hold_days))

    def tenant_host(self, label: str) -> str:
        return f"{label}.{self.platform_domain}"
