"""The control plane's settings, from `MAILTENANT_…` variables of the environment. docs/control-plane.md lists them."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from limits import parse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from mailtenant.control.errors import Misconfigured
from mailtenant.migration import Policy
from mailtenant.settings.names import EmailAddress, Fqdn

PREFIX = "MAILTENANT_"


def _rate(text: str) -> str:
    parse(text)
    return text


Rate = Annotated[str, AfterValidator(_rate)]


class ControlSettings(BaseModel):
    """Defaults are those of the embedded control plane: one process, SQLite below the project's `.state`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

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

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, *, state: Path | None = None) -> Self:
        """`state`: the folder in which the embedded database and its key are kept when nothing is said.

        Raises: Misconfigured, naming every variable that is wrong.
        """
        given = os.environ if environment is None else environment
        values = {name: given[PREFIX + name.upper()] for name in cls.model_fields if given.get(PREFIX + name.upper())}
        if state is not None and "database_url" not in values:
            values["database_url"] = f"sqlite:///{state / 'control.db'}"
            values.setdefault("key_file", str(state / "control.key"))
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = "; ".join(f"{PREFIX}{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
            raise Misconfigured(f"the environment is not right: {wrong}") from None

    @property
    def url(self) -> str:
        return self.database_url.get_secret_value()

    @property
    def policy(self) -> Policy:
        """What the guards of a migration go by."""
        return Policy(notice=timedelta(days=self.notice_days), hold=timedelta(days=self.hold_days))

    def tenant_host(self, label: str) -> str:
        return f"{label}.{self.platform_domain}"
