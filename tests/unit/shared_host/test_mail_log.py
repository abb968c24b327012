"""Logins and mails a day from a host's log: lines of different daemons and times, and what the reader leaves out."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mailtenant.migration.logins import Login
from mailtenant.migration.sides import SideError
from mailtenant.migration.usage import Day
from mailtenant.shared_host.mail_log import READ, login_in, read_log, summary
from tests.unit.shared_host.here import Here

CET = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=CET)
NOON = datetime(2026, 11, 28, 11, 0, tzinfo=UTC)

LINES = {
    "Nov 28 12:00:00 mail dovecot: imap-login: Login: user=<Jo@acme.test>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, "
    "mpid=12, TLS, session=<x>": Login("jo@acme.test", "192.0.2.7", "imap", True, NOON),
    "2026-11-28T11:00:00.123456+00:00 mail dovecot: imap-login: Logged in: user=<jo@acme.test>, method=PLAIN, "
    "rip=2001:db8::7, lip=2001:db8::1, TLS": Login("jo@acme.test", "2001:db8::7", "imap", True, NOON),
    "2026-11-28T12:00:00 managesieve-login: Login: user=<jo@acme.test>, rip=192.0.2.7, lip=192.0.2.1":
        Login("jo@acme.test", "192.0.2.7", "sieve", True, NOON),
    "2026-11-28T11:00:00Z pop3-login: Disconnected: Aborted login by logging out (auth failed, 1 attempts in 2 secs): "
    "user=<jo@acme.test>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, TLS":
        Login("jo@acme.test", "192.0.2.7", "pop3", False, NOON),
    "2026-11-28T12:00:00 imap-login: Info: Logged in: user=<jo@acme.test>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, "
    "mpid=211, TLS, session=<29PLK1VhdrkKVwAB>": Login("jo@acme.test", "192.0.2.7", "imap", True, NOON),
    "2026-11-28T12:00:00 imap-login: Info: Login aborted: Logged out (auth failed, 1 attempts in 2 secs) "
    "(auth_failed): user=<jo@acme.test>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, TLS, session=<MqrVK1VhirkKVwAB>":
        Login("jo@acme.test", "192.0.2.7", "imap", False, NOON),
    "2026-11-28 12:00:00 imap-login: Info: Login aborted: Logged out (auth service reported temporary failure, 1 "
    "attempts in 3 secs) (temp_fail): user=<jo@acme.test>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, TLS":
        Login("jo@acme.test", "192.0.2.7", "imap", False, NOON),
    "Nov 28 12:00:00 mail postfix/submission/smtpd[7]: 4XYZ: client=pc.example[192.0.2.7], sasl_method=PLAIN, "
    "sasl_username=jo@acme.test": Login("jo@acme.test", "192.0.2.7", "smtp", True, NOON),
    "Nov 28 12:00:00 mail postfix/submissions/smtpd[7]: NOQUEUE: reject: RCPT from pc.example[192.0.2.7]: 450 4.3.2 "
    "<jo@acme.test>: SASL login name rejected: mailboxes are being moved, please try again in some minutes; "
    "from=<jo@acme.test> to=<x@else.test> proto=ESMTP helo=<pc> sasl_method=PLAIN sasl_username=jo@acme.test":
        Login("jo@acme.test", "192.0.2.7", "smtp", False, NOON),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_line_tells_who_from_where_when_and_whether(line: str) -> None:
    assert login_in(line, NOW) == LINES[line]


@pytest.mark.parametrize(
    "line",
    ["", "Nov 28 12:00:00 mail dovecot: imap(jo@acme.test)<1><x>: Disconnected: Logged out in=1 out=2",
     "Nov 28 12:00:00 mail postfix/smtpd[7]: connect from pc.example[192.0.2.7]",
     "no time imap-login: Login: user=<jo@acme.test>, rip=192.0.2.7",
     "Feb 30 12:00:00 mail imap-login: Login: user=<jo@acme.test>, rip=192.0.2.7"],
)  # fmt: skip
def test_other_lines_tell_nothing(line: str) -> None:
    assert login_in(line, NOW) is None


def test_a_line_of_december_read_in_january_is_of_last_year() -> None:
    line = "Dec 31 23:59:59 mail dovecot: imap-login: Login: user=<jo@acme.test>, rip=192.0.2.7"
    read = login_in(line, datetime(2027, 1, 2, tzinfo=UTC))
    assert read is not None and read.at == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_an_answer_that_ends_early_is_no_empty_log() -> None:
    with pytest.raises(SideError, match="not read to its end"):
        summary("", ("acme.test",))


LOG = """\
Nov 27 08:00:00 mail dovecot: imap-login: Login: user=<jo@acme.test>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, TLS
Nov 27 08:00:01 mail postfix/lmtp[3]: A1: to=<jo@acme.test>, relay=mail[x], delay=1, dsn=2.0.0, status=sent (250 Ok)
Nov 27 08:00:02 mail postfix/lmtp[3]: A2: to=<max@other.test>, relay=mail[x], delay=1, dsn=2.0.0, status=sent (250 Ok)
Nov 27 08:00:03 mail postfix/smtp[3]: A3: to=<jo@acme.test>, relay=far[x], delay=1, dsn=2.0.0, status=sent (250 Ok)
"""
NEWER = """\
Nov 28 09:00:00 mail dovecot: imap-login: Login: user=<jo@acme.test>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, TLS
Nov 28 09:00:01 mail dovecot: imap-login: Login: user=<max@other.test>, method=PLAIN, rip=192.0.2.9, lip=192.0.2.1
Nov 28 09:00:02 mail dovecot: imap-login: Info: Logged in: user=<jo@acme.test>, method=PLAIN, rip=192.0.2.6, lip=x, TLS
Nov 28 09:00:02 mail dovecot: imap-login: Disconnected: (auth failed): user=<jo@acme.test>, rip=192.0.2.8, lip=x
Nov 28 09:00:03 mail postfix/submissions/smtpd[7]: B1: client=pc[192.0.2.7], sasl_username=jo@acme.test
Nov 28 09:00:04 mail postfix/submissions/smtpd[7]: B2: client=pc[192.0.2.7], sasl_username=jo@acme.test
Nov 28 09:00:05 mail postfix/lmtp[3]: B2: to=<jo@acme.test>, orig_to=<x@acme.test>, relay=mail[x], status=sent (250 Ok)
Nov 28 09:00:06 mail postfix/lmtp[3]: B3: to=<jo@acme.test>, relay=mail[x], status=deferred (450)
"""


def test_the_reader_keeps_the_newest_line_of_each_and_counts_days_of_this_customer_only(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_text(NEWER)
    (tmp_path / "mail.log.1").write_text(LOG)
    printed = Here(tmp_path).run(["sh", "-c", READ, "sh", str(tmp_path / "mail.log"), "acme.test"]).text
    assert printed.count("\nL\t") == 4 and "other.test" not in printed
    # The time of day of whoever runs this must not matter.
    dated = "\n".join([f"T\t{NOW:%Y-%m-%dT%H:%M:%S%z}", *printed.splitlines()[1:]])
    found = summary(dated, ("acme.test",))
    nine = NOW.replace(hour=9)
    assert {(one.client, one.service, one.let_in, one.at) for one in found.logins} == {
        ("192.0.2.7", "imap", True, nine), ("192.0.2.8", "imap", False, nine + timedelta(seconds=2)),
        ("192.0.2.7", "smtp", True, nine + timedelta(seconds=4)),
        ("192.0.2.6", "imap", True, nine + timedelta(seconds=2)),
    }  # fmt: skip
    assert found.days == (Day("2026-11-27", 1, 0), Day("2026-11-28", 1, 2))


def test_a_log_that_is_not_there_is_named_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SideError, match="MAILTENANT_MIGRATE_SHARED_LOG"):
        read_log(Here(tmp_path), str(tmp_path / "none"), ("acme.test",))
