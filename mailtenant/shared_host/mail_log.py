"""Logins and mails a day from a shared host's log: Dovecot's login lines and Postfix's, as syslog or they write them.

Read there by a small program that keeps one line a mailbox, client and outcome, so that a log of gigabytes comes over
as some kilobytes; judged here. Formats as Dovecot 2.3 and 2.4 and Postfix 3.5 to 3.10 write them.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from mailtenant.migration.logins import Login
from mailtenant.migration.sides import SideError
from mailtenant.migration.usage import Day
from mailtenant.runner import Runner

_MISSING: Final = 66
_SECONDS: Final = 300.0
READ: Final = r"""
# LOG DOMAIN…   `T` the host's time; `L` the newest line of each user, client, service and outcome; `D` a day's mails
set -eu
log=$1
shift
[ -r "$log" ] || exit 66
date "+T	%Y-%m-%dT%H:%M:%S%z"
for file in "$log.1" "$log"; do [ ! -r "$file" ] || cat -- "$file"; done | DOMAINS="$*" awk '
function part(regex, skip,    text) {
    if (!match($0, regex)) return ""
    text = substr($0, RSTART + skip, RLENGTH - skip)
    sub(/[>,].*/, "", text)
    return tolower(text)
}
function ours(address) { return (substr(address, index(address, "@") + 1) in wanted) && index(address, "@") }
function day() { return $0 ~ /^[0-9]/ ? substr($0, 1, 10) : substr($0, 1, 6) }
BEGIN { n = split(tolower(ENVIRON["DOMAINS"]), list, " "); for (i = 1; i <= n; i++) wanted[list[i]] = 1 }
/-login: / && /user=</ && /rip=/ {
    user = part("user=<[^>]*>", 6)
    if (!ours(user)) next
    service = $0; sub(/-login: .*/, "", service); sub(/.*[^a-z0-9]/, "", service)
    last[user, part("rip=[^, ]*", 4), service, $0 ~ /-login: (Info: )?(Login|Logged in): /] = $0
    next
}
/sasl_username=/ {
    user = part("sasl_username=[^, ]*", 14)
    if (!ours(user)) next
    client = $0; sub(/.*(client=|from )[^[]*\[/, "", client); sub(/\].*/, "", client)
    taken = ($0 ~ /: client=/)
    last[user, client, "smtp", taken] = $0
    if (taken) { days[day()] = 1; sent[day()]++ }
    next
}
/postfix\/(lmtp|virtual|local|pipe)\[/ && /status=sent/ {
    if (ours(part(" to=<[^>]*>", 5))) { days[day()] = 1; received[day()]++ }
}
END {
    for (key in last) print "L\t" last[key]
    for (one in days) print "D\t" one "\t" received[one] + 0 "\t" sent[one] + 0
}'
"""

_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?\s")
_OLD_STAMP: Final = re.compile(r"([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)\s")
_DOVECOT: Final = re.compile(r"\b([a-z0-9]+)-login: (?:Info: )?(.*?)user=<([^>]*)>.*?\brip=([^,\s]+)")
_POSTFIX: Final = re.compile(r"(: client=|\bfrom )[^\[\s]*\[([^\]]+)\].*\bsasl_username=([^,\s]+)")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SERVICES: Final = {"managesieve": "sieve"}


@dataclass(frozen=True)
class LogSummary:
    """What the log shows of a customer. `days` in the order of the log's own dates."""

    logins: tuple[Login, ...]
    days: tuple[Day, ...]


def read_log(runner: Runner, log: str, domains: Collection[str]) -> LogSummary:
    """Raises: SideError, if there is no such log on the host."""
    done = runner.run(["sh", "-c", READ, "sh", log, *domains], seconds=_SECONDS)
    if done.code == _MISSING:
        raise SideError(
            f"{runner.name}: there is no log at {log}; set MAILTENANT_MIGRATE_SHARED_LOG to the file that holds the "
            "lines of Dovecot and Postfix"
        )
    if done.code:
        raise SideError(f"{runner.name}: its log {log} could not be read: {done.last_words()}")
    return summary(done.text, domains)


def summary(text: str, domains: Collection[str]) -> LogSummary:
    """From what `READ` prints. Raises: SideError, if it says no time."""
    now: datetime | None = None
    lines, days = [], []
    for line in text.splitlines():
        mark, _, rest = line.partition("\t")
        if mark == "T":
            now = datetime.fromisoformat(rest)
        elif mark == "L":
            lines.append(rest)
        elif mark == "D":
            day, received, sent = rest.split("\t")
            days.append(Day(day, int(received), int(sent)))
    if now is None or now.tzinfo is None:
        raise SideError("the old host's log was not read to its end; try again")
    dated = [Day(_day(one.day, now), one.received, one.sent) for one in days]
    found = (login_in(line, now) for line in lines)
    own = tuple(one for one in found if one is not None and one.address.rpartition("@")[2] in domains)
    return LogSummary(own, tuple(sorted(dated)))


def login_in(line: str, now: datetime) -> Login | None:
    """The login that a line tells of; None, if none. `now`: the host's, aware; lines without a zone are in its zone."""
    at = _stamp(line, now)
    if at is None:
        return None
    if dovecot := _DOVECOT.search(line):
        service, what, user, client = dovecot.groups()
        let_in = what.startswith(("Login: ", "Logged in: "))
        return Login(user.lower(), client, _SERVICES.get(service, service), let_in, at)
    if postfix := _POSTFIX.search(line):
        how, client, user = postfix.groups()
        return Login(user.lower(), client, "smtp", how == ": client=", at)
    return None


def _stamp(line: str, now: datetime) -> datetime | None:
    zone: tzinfo | None = now.tzinfo
    if found := _STAMP.match(line):
        at = datetime.fromisoformat(found[1])
        if found[2]:
            zone = datetime.fromisoformat(f"2000-01-01T00:00:00{found[2]}").tzinfo
        return at.replace(tzinfo=zone).astimezone(now.tzinfo)
    if (found := _OLD_STAMP.match(line)) and found[1] in _MONTHS:
        month, (day, hour, minute, second) = _MONTHS.index(found[1]) + 1, map(int, found.groups()[1:])
        for year in (now.year, now.year - 1):
            try:
                at = datetime(year, month, day, hour, minute, second, tzinfo=zone)
            except ValueError:
                continue  # 29 February belongs to another year, or it is no date
            if at <= now + timedelta(days=1):
                return at
    return None


def _day(text: str, now: datetime) -> str:
    """`Nov 28` with its year."""
    at = _stamp(f"{text} 00:00:00 ", now) if text[:1].isalpha() else None
    return f"{at:%Y-%m-%d}" if at else text
