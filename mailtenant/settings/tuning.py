"""The settings of the daemons and their checks that a tenant may change. A closed list: what is not here cannot be set.

Named as in the daemons' own manuals, with the unit added.
"""

from mailtenant.settings.base import Effect, Settings, setting
from mailtenant.settings.names import Count


class PostfixTuning(Settings):
    """postconf(5)."""

    message_size_limit_mib: Count = setting(
        "largest message, as sent (an attachment grows by a third on the way)", Effect.RESTART, default=50, ge=1, le=200
    )
    maximal_queue_lifetime_days: Count = setting(
        "how long a message is tried before the sender gets it back", Effect.RESTART, default=5, ge=1, le=7
    )


class DovecotTuning(Settings):
    """doc.dovecot.org, settings of 2.4."""

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
    health: HealthTuning = setting("health checks", Effect.RESTART, default=HealthTuning())
