"""What the steps of one check share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage

from mailtenant.check.failures import CheckFailed
from mailtenant.check.inbox import Waited
from mailtenant.check.place import Place


@dataclass(frozen=True)
class Login:
    """A mailbox and its password, which is never shown."""

    address: str
    password: str = field(repr=False)


@dataclass
class Check:
    """One run. `login`: or why there is none. `echo`: an address that answers with its verdict, or None.

    `silent`: ports without a service, for the steps that need them. `found`: what is to be taken away at the end.
    """

    place: Place
    login: Login | CheckFailed
    echo: str | None
    timeout: float
    token: str
    now: Callable[[], datetime]
    tell: Callable[[str], None] = lambda _: None
    silent: set[int] = field(default_factory=set)
    found: list[Waited] = field(default_factory=list)
    answer: EmailMessage | None = None

    @property
    def mailbox(self) -> str:
        return self._login.address

    @property
    def password(self) -> str:
        return self._login.password

    @property
    def _login(self) -> Login:
        if isinstance(self.login, CheckFailed):
            raise self.login
        return self.login
