"""Which logins are judged: from the exit codes of a pretended `doveadm`."""

from pathlib import Path

import pytest

from mailtenant.logins import admitted
from mailtenant.migration.sides import SideError
from tests.unit.shared_host.here import Here


def test_only_not_now_is_a_denial(tmp_path: Path) -> None:
    runner = Here(tmp_path)
    runner.pretend(
        "doveadm",
        """
case "$4 $5" in *=imap*@judged.test) exit 77;; *=sieve*@in.test) exit 0;; *=pop3*@broken.test) exit 127;; esac
exit 75""",
    )
    domains = ["denied.test", "judged.test", "in.test", "broken.test", *(f"d{n}.test" for n in range(20))]
    assert admitted(runner, ("imap", "pop3", "sieve"), domains) == [
        "imap @judged.test", "sieve @in.test", "pop3 @broken.test",
    ]  # fmt: skip
    assert len(runner.calls) == 3 * len(domains)
    passwords = {line.split()[-1] for line in runner.calls}
    assert len(passwords) == 1 and len(passwords.pop()) >= 24


def test_a_question_without_an_answer_is_no_denial(tmp_path: Path) -> None:
    runner = Here(tmp_path)
    runner.pretend("doveadm", "kill -9 $PPID")
    with pytest.raises(SideError, match=r"no answer to a login as imap postmaster@acme\.test"):
        admitted(runner, ("imap",), ["acme.test"])
