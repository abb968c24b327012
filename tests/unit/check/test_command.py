"""`mailtenant check` as it is typed: options, exit codes, table and JSON."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailtenant.accounts.errors import AccountError, AccountsUnavailable
from mailtenant.check.place import Place
from mailtenant.check.state import Login
from mailtenant.cli import check as command
from mailtenant.cli.app import run
from tests.unit.check.tenant import PASSWORD, USER, Faults, running
from tests.unit.settings.example import example_settings

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def typed(faults: Faults, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Typed]:
    """Types a command line against the pretend tenant; gives exit code, stdout, stderr."""

    @contextmanager
    def made(*_: object) -> Iterator[Login]:
        yield Login(USER, PASSWORD)

    with running(faults) as ready:

        def of(_: object, timeout: float) -> Place:
            return ready.place

        monkeypatch.setattr(command.Place, "of", of)
        monkeypatch.setattr(command, "throw_away_mailbox", made)
        monkeypatch.setattr(command.output, "stack_file", lambda *_: Path("Pulumi.acme.yaml"))
        monkeypatch.setattr(command, "load_stack_file", lambda _: SimpleNamespace(settings=example_settings()))

        def go(*words: str, stdin: str = "") -> tuple[int, str, str]:
            monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
            code = run(["check", "acme", "--timeout", "1", *words])
            printed = capsys.readouterr()
            return code, printed.out, printed.err

        yield go


def test_all_is_well(typed: Typed) -> None:
    code, out, err = typed()
    assert (code, err) == (0, "")
    assert "acme (acme.outboxment.test at 127.0.0.1): all is well, 15 passed" in out
    assert out.count("✓") == 15


def test_a_failure_is_shown_with_its_fix_and_exits_1(typed: Typed, faults: Faults) -> None:
    faults.missing_folder = "Sent"
    code, out, _ = typed()
    assert code == 1
    assert "1 failed" in out
    assert "no folder has the special use Sent" in out
    assert "fix: the `mailbox` blocks of dovecot.conf" in out


def test_json_is_all_that_is_printed(typed: Typed, faults: Faults) -> None:
    faults.relay = "250 ok"
    code, out, err = typed("--json")
    found = json.loads(out)
    assert (code, err, found["ok"]) == (1, "", False)
    assert [step["name"] for step in found["steps"] if step["status"] == "failed"] == ["relay"]


def test_a_given_mailbox_is_used_and_its_password_never_shown(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "throw_away_mailbox", None)
    code, out, err = typed("--mailbox", USER, "--password-stdin", stdin=PASSWORD + "\n")
    assert code == 0
    assert PASSWORD not in out + err


def test_a_wrong_password_is_never_shown(typed: Typed) -> None:
    code, out, err = typed("--mailbox", USER, "--password-stdin", stdin="wrong-one-here\n")
    assert code == 1
    assert "login refused" in out
    assert "wrong-one-here" not in out + err


@pytest.mark.parametrize("words", [("--mailbox", USER), ("--password-stdin",)])
def test_half_a_login_is_wrong_usage(typed: Typed, words: tuple[str, ...]) -> None:
    code, _, err = typed(*words)
    assert code == 2
    assert "--mailbox" in err


def test_an_empty_password_is_refused(typed: Typed) -> None:
    code, _, err = typed("--mailbox", USER, "--password-stdin")
    assert code == 1
    assert "no password on standard input" in err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AccountError("50 of 50 are in use"), "--mailbox ADDRESS"),
        (AccountsUnavailable("it is down; raise it"), "raise it"),
    ],
)
def test_without_a_mailbox_the_rest_is_checked(
    typed: Typed, monkeypatch: pytest.MonkeyPatch, error: AccountError, words: str
) -> None:
    @contextmanager
    def failing(*_: object) -> Iterator[Login]:
        raise error
        yield

    monkeypatch.setattr(command, "throw_away_mailbox", failing)
    code, out, _ = typed()
    assert code == 1
    assert words in out
    assert "✓ no relay for strangers" in " ".join(out.split())


def test_a_mailbox_that_cannot_be_removed_is_an_error_after_the_report(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def sticky(*_: object) -> Iterator[Login]:
        yield Login(USER, PASSWORD)
        raise AccountError("its mail is still there")

    monkeypatch.setattr(command, "throw_away_mailbox", sticky)
    code, out, err = typed()
    assert code == 1
    assert "all is well" in out
    assert "its mail is still there" in err


def test_an_echo_address_of_ones_own_is_asked(typed: Typed) -> None:
    code, out, _ = typed("--echo", "other@elsewhere.test")
    assert code == 1, "the pretend tenant gives that mail back to itself, without a verdict"
    assert "the answer of other@elsewhere.test holds no verdict" in " ".join(out.split())
