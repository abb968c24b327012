"""The settings of the daemons and their checks that a tenant may change. A closed list: what is not here cannot be set.

Named as in the daemons' own manuals, with the unit added. Beyond the list, each daemon has a `snippet` (snippets.py).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import Count
from mailtenant.settings.snippets import DOVECOT, POSTFIX, RSPAMD, Line, read_snippet

Score = Annotated[float, Field(ge=-20, le=20, strict=False, allow_inf_nan=False)]
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,63}$")]
_SNIPPET = (
    "further settings of {}, lines of `name = value`: limits, times and sizes; its own checker judges them at `up`"
)


class PostfixTuning(Settings):
    """postconf(5)."""

    message_size_limit_mib: Count = setting(
        "largest message, as sent (an attachment grows by a third on the way)", Effect.RESTART, default=50, ge=1, le=200
    )
    maximal_queue_lifetime_days: Count = setting(
        "how long a message is tried before the sender gets it back", Effect.RESTART, default=5, ge=1, le=7
    )
    bounce_queue_lifetime_days: Count = setting(
        "how long a bounce is tried before it is given up", Effect.RESTART, default=1, ge=1, le=5
    )
    delay_warning_time_hours: Count = setting(
        "after how long the sender hears that a message waits; 0: never", Effect.RESTART, default=4, ge=0, le=72
    )
    minimal_backoff_time_seconds: Count = setting(
        "pause after a first failed delivery; it doubles from there", Effect.RESTART, default=30, ge=10, le=3600
    )
    maximal_backoff_time_minutes: Count = setting(
        "longest pause between two tries", Effect.RESTART, default=30, ge=5, le=240
    )
    smtp_destination_concurrency_limit: Count = setting(
        "deliveries at once to one outside domain; some providers want few", Effect.RESTART, default=20, ge=1, le=50
    )
    smtp_tls_security_level: Literal["may", "encrypt"] = setting(
        "`encrypt`: outgoing mail waits rather than leave without TLS", Effect.RESTART, default="may"
    )
    smtpd_client_connection_count_limit: Count = setting(
        "connections of one outside address to port 25", Effect.RESTART, default=20, ge=1, le=200
    )
    smtpd_client_message_rate_limit: Count = setting(
        "messages a minute from one outside address", Effect.RESTART, default=3000, ge=1, le=100_000
    )
    snippet: str = setting(_SNIPPET.format("main.cf"), Effect.RESTART, default="", max_length=8000)

    @field_validator("snippet")
    @classmethod
    def _is_harmless(cls, value: str) -> str:
        read_snippet(value, POSTFIX)
        return value

    @model_validator(mode="after")
    def _pauses_grow(self) -> Self:
        if self.minimal_backoff_time_seconds > self.maximal_backoff_time_minutes * 60:
            raise Refusal(
                "is above maximal_backoff_time_minutes",
                "lower it, or raise the other",
                ("minimal_backoff_time_seconds",),
            )
        return self

    @property
    def lines(self) -> tuple[Line, ...]:
        """The snippet, read."""
        return read_snippet(self.snippet, POSTFIX)


class DovecotTuning(Settings):
    """doc.dovecot.org, settings of 2.4."""

    folder_separator: Literal["/", "."] = setting(
        "between a folder and one below it; who moves in keeps the old host's, for filters hold such names; not to be "
        "changed afterwards",
        Effect.RESTART,
        default="/",
    )
    mail_max_userip_connections: Count = setting(
        "IMAP connections of one mailbox from one address; a phone takes 2, a desktop client up to 10",
        Effect.RESTART,
        default=30,
        ge=1,
        le=200,
    )
    imap_idle_notify_interval_seconds: Count = setting(
        "how often an idle client hears from the server, to keep firewalls from closing the connection",
        Effect.RESTART,
        default=120,
        ge=30,
        le=1740,
    )
    imap_process_limit: Count = setting(
        "IMAP sessions at once of all mailboxes together", Effect.RESTART, default=400, ge=10, le=5000
    )
    auth_failure_delay_seconds: Count = setting(
        "how long a wrong password's answer waits", Effect.RESTART, default=2, ge=1, le=10
    )
    sieve_max_redirects: Count = setting(
        "forwards of one message that a mailbox's filter may make; 0: none", Effect.RESTART, default=4, ge=0, le=32
    )
    sieve_vacation_min_period_days: Count = setting(
        "shortest time between two automatic replies to one sender", Effect.RESTART, default=1, ge=1, le=30
    )
    quota_warning_percent: Count = setting(
        "how full a mailbox is when its owner hears of it first (again at 95)", Effect.RESTART, default=80, ge=50, le=94
    )
    snippet: str = setting(_SNIPPET.format("dovecot.conf"), Effect.RESTART, default="", max_length=8000)

    @field_validator("snippet")
    @classmethod
    def _is_harmless(cls, value: str) -> str:
        read_snippet(value, DOVECOT)
        return value

    @property
    def lines(self) -> tuple[Line, ...]:
        """The snippet, read."""
        return read_snippet(self.snippet, DOVECOT)


class RspamdTuning(Settings):
    """docs.rspamd.com."""

    reject_score: Score = setting("score at which mail is refused", Effect.RESTART, default=15.0, ge=8, le=20)
    add_header_score: Score = setting("score at which mail goes to Junk", Effect.RESTART, default=6.0, ge=1, le=19)
    scores: dict[Symbol, Score] = setting(
        "what a symbol counts, -20 to 20, instead of rspamd's own score (R_SPF_FAIL: 3)",
        Effect.RESTART,
        default={},
        max_length=100,
    )
    snippet: str = setting(
        "further options of the checks: lines of `module.option = value`; its own checker judges them at `up`",
        Effect.RESTART,
        default="",
        max_length=8000,
    )

    @field_validator("snippet")
    @classmethod
    def _is_harmless(cls, value: str) -> str:
        read_snippet(value, RSPAMD)
        return value

    @field_validator("scores")
    @classmethod
    def _signing_is_not_up_for_choice(cls, value: dict[str, float]) -> dict[str, float]:
        if own := sorted(symbol for symbol in value if symbol.startswith("MAILTENANT_") or symbol == "DKIM_SIGNED"):
            raise Refusal(f"sets {', '.join(own)}, which is a rule of the product", "leave it out")
        return value

    @model_validator(mode="after")
    def _junk_comes_first(self) -> Self:
        if self.add_header_score >= self.reject_score:
            raise Refusal("is not below reject_score", "lower it, or raise the other", ("add_header_score",))
        return self

    @property
    def modules(self) -> dict[str, tuple[Line, ...]]:
        """The snippet, read: module → its options."""
        found: dict[str, tuple[Line, ...]] = {}
        for line in read_snippet(self.snippet, RSPAMD):
            module, _, option = line.name.partition(".")
            found[module] = (*found.get(module, ()), Line(option, line.value))
        return found


class HealthTuning(Settings):
    """The engine's health checks of the tenant's containers."""

    interval_seconds: Count = setting(
        "time between two checks; `up` waits for the first one at three layers, and each costs some processor time",
        Effect.RESTART,
        default=30,
        ge=2,
        le=300,
    )


class Tuning(Settings):
    """Settings for this tenant only."""

    postfix: PostfixTuning = setting("Postfix", Effect.RESTART, default=PostfixTuning())
    dovecot: DovecotTuning = setting("Dovecot", Effect.RESTART, default=DovecotTuning())
    rspamd: RspamdTuning = setting("rspamd", Effect.RESTART, default=RspamdTuning())
    health: HealthTuning = setting("health checks", Effect.RESTART, default=HealthTuning())
