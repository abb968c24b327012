"""Settings of a daemon beyond the typed ones: lines of `name = value`, where both are of a kind that can do no harm.

A snippet names limits, times and sizes. There is no line that could run a command, look something up, read a file,
include another, weaken a check or write a template: such a value needs a letter or sign that no accepted form has. What
a snippet means is judged by the daemon's own checker, before `up` replaces anything.
"""

import re
from dataclasses import dataclass
from typing import Final

from mailtenant.settings.errors import Refusal, refuse_all

LONGEST: Final = 100
"""Lines of one snippet."""


@dataclass(frozen=True)
class Grammar:
    """What one daemon's snippet may say. `reserved`: names with a key of their own, or relied on here."""

    daemon: str
    name: re.Pattern[str]
    value: re.Pattern[str]
    words: dict[str, tuple[str, ...]]
    reserved: frozenset[str]
    kinds: str


@dataclass(frozen=True)
class Line:
    """One setting of a snippet."""

    name: str
    value: str


def read_snippet(text: str, grammar: Grammar) -> tuple[Line, ...]:
    """The lines, without comments and empty ones.

    Raises: Refusals with every line's number and what is wrong with it; never its value.
    """
    found: list[Refusal] = []
    lines: dict[str, Line] = {}
    rows = text.split("\n")
    if len(rows) > LONGEST:
        raise Refusal(f"has {len(rows)} lines", f"at most {LONGEST}")
    for number, row in enumerate(rows, start=1):
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        name, sign, value = (part.strip(" \t") for part in row.partition("="))
        fault = _fault(name, sign, value, grammar) or ("is set twice" if name in lines else None)
        if fault:
            found.append(Refusal(f"line {number} {fault}", f"a snippet for {grammar.daemon} takes {grammar.kinds}"))
        lines[name] = Line(name, value)
    refuse_all(found)
    return tuple(lines.values())


def _fault(name: str, sign: str, value: str, grammar: Grammar) -> str | None:
    if not sign:
        return "is no `name = value`"
    if not re.fullmatch(r"[a-z][a-z0-9_.]*", name):
        return "does not begin with a setting's name"
    if name in grammar.reserved:
        return f"sets `{name}`, which has a key of its own or which the product relies on"
    if name in grammar.words:
        return None if value in grammar.words[name] else f"gives `{name}` none of {', '.join(grammar.words[name])}"
    if not grammar.name.fullmatch(name):
        return f"sets `{name}`, which is no limit, time or size that may be set here"
    if not grammar.value.fullmatch(value):
        return f"gives `{name}` something that is no plain number, time or size"
    return None


POSTFIX: Final = Grammar(
    "Postfix",
    re.compile(r"[a-z][a-z0-9_]*_(?:time|timeout|limit|delay|lifetime|count|attempts|discount|interval)"),
    re.compile(r"[0-9]{1,9}[smhdw]?"),
    {
        "enable_long_queue_ids": ("yes", "no"),
        "smtp_tls_ciphers": ("medium", "high"),
        "smtpd_tls_ciphers": ("medium", "high"),
        "smtpd_tls_loglevel": ("0", "1"),
        "smtp_tls_loglevel": ("0", "1"),
    },
    frozenset(
        (  # noqa: SIM905 - a list literal of this length is harder to review
            "anvil_rate_time_unit bounce_queue_lifetime default_process_limit delay_warning_time in_flow_delay "
            "lmtp_destination_concurrency_limit lmtp_destination_recipient_limit lmtp_line_length_limit "
            "mailbox_size_limit maximal_backoff_time maximal_queue_lifetime message_size_limit milter_command_timeout "
            "milter_connect_timeout milter_content_timeout minimal_backoff_time queue_run_delay "
            "smtp_destination_concurrency_limit smtp_line_length_limit smtpd_client_connection_count_limit "
            "smtpd_client_connection_rate_limit smtpd_client_message_rate_limit smtpd_client_recipient_rate_limit "
            "smtpd_hard_error_limit smtpd_soft_error_limit smtpd_timeout transport_retry_time virtual_mailbox_limit "
        ).split()
    ),
    "`name = value` lines: limits and times as `postconf(5)` names them (smtp_connect_timeout = 20s)",
)
DOVECOT: Final = Grammar(
    "Dovecot",
    re.compile(
        r"(?:imap|lmtp|mail|maildir|mailbox|sieve|managesieve|quota|login)(?:_[a-z0-9]+)*_"
        r"(?:max|min|limit|interval|timeout|size|count|period|age|delay|length)(?:_[a-z0-9]+)*"
    ),
    re.compile(r"[0-9]{1,9}(?: ?(?:secs|mins|hours|days|[kMG]))?"),
    {},
    frozenset(
        (  # noqa: SIM905
            "imap_idle_notify_interval lmtp_user_concurrency_limit mail_index_log_rotate_min_age "
            "mail_index_log_rotate_min_size mail_max_userip_connections quota_storage_grace sieve_max_redirects "
            "sieve_vacation_min_period "
        ).split()
    ),
    "`name = value` lines: limits, times and sizes of IMAP, delivery and filters (imap_max_line_length = 64k)",
)
RSPAMD: Final = Grammar(
    "rspamd",
    re.compile(r"(?:chartable|dmarc|forged_recipients|maillist|mime_types|once_received|regexp|spf)\.[a-z][a-z0-9_]*"),
    re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,4})?(?:s|ms|k|M)?|true|false"),
    {},
    frozenset(f"{module}.enabled" for module in ("dmarc", "regexp", "spf")),
    "`module.option = value` lines with a number, time, size, true or false (chartable.threshold = 0.4)",
)
