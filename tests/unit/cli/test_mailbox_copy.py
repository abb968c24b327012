"""`mailtenant mailbox copy`: what is asked for, where the password comes from, what is printed. The copy is played."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mailtenant.cli import mailbox_copy
from mailtenant.mailbox_copy.imap_pass import CopiedMailbox
from mailtenant.mailbox_copy.imap_source import ImapSource, SourceMailbox
from tests.unit.cli.conftest import Cli

FROM = ("mailbox", "copy", "acme", "--from-host", "imap.old.example")
BOX = CopiedMailbox("jo@acme.test", 2, 3, 5 * 2**20, 3, True, ("Entwürfe: dates of 1 messages differ",))


class Store:
    """The tenant's accounts."""

    def __init__(self, _: object) -> None:
        pass

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def mailboxes(self) -> list[Any]:
        return [
            SimpleNamespace(address="jo@acme.test", role=None, effective_quota_mib=400),
            SimpleNamespace(address="postmaster@acme.test", role="postmaster", effective_quota_mib=400),
        ]


@pytest.fixture
def asked(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ImapSource, list[str]]]:
    """(run or plan, source, addresses) of each copy; its answer is `BOX`."""
    seen: list[tuple[str, ImapSource, list[str]]] = []

    def played(name: str) -> Callable[..., list[CopiedMailbox]]:
        def call(copy: Any, boxes: Sequence[SourceMailbox], advance: Any) -> list[CopiedMailbox]:
            seen.append((name, copy.source, [box.address for box in boxes]))
            advance(BOX)
            return [BOX]

        return call

    monkeypatch.setattr(mailbox_copy, "AccountStore", Store)
    monkeypatch.setattr(
        mailbox_copy, "tenant_engine", lambda *_: SimpleNamespace(container=lambda _: "mt-acme-imap", environment={})
    )
    for name in ("run", "plan"):
        monkeypatch.setattr(mailbox_copy.ImapCopy, name, played(name))
    monkeypatch.delenv(mailbox_copy.PASSWORD_VARIABLE, raising=False)
    return seen


def test_all_mailboxes_but_the_built_in_come_with_a_password_from_the_environment(
    cli: Cli, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(mailbox_copy.PASSWORD_VARIABLE, "s3cret")
    ended = cli(*FROM, "--master-user", "admin")
    assert ended.code == 0
    [(what, source, addresses)] = asked
    assert (what, source.password, source.port, addresses) == ("run", "s3cret", 993, ["jo@acme.test"])
    assert "1 of 1 mailboxes copied" in ended.out and "dates of 1 messages differ" in ended.out
    assert "UIDVALIDITY" in ended.err and "1 of 1: jo@acme.test, 3 messages" in ended.err
    assert "s3cret" not in ended.out + ended.err


def test_a_dry_run_is_told_as_such_also_to_programs(cli: Cli, asked: list[Any], project: Path) -> None:
    (project / "password").write_text("s3cret\n")
    options = ("--master-user", "admin", "--password-file", "password", "--security", "starttls", "--dry-run", "--json")
    found = json.loads(cli(*FROM, *options).out)
    assert (asked[0][0], asked[0][1].port, asked[0][1].password) == ("plan", 143, "s3cret")
    assert found["dry_run"] and found["ok"] and found["mailboxes"][0]["messages"] == 3


def test_a_mailbox_that_failed_is_exit_code_1(
    cli: Cli, asked: list[Any], monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    (project / "list.csv").write_text("address,password\njo@acme.test,s3cret\n")
    monkeypatch.setattr(
        mailbox_copy.ImapCopy, "run", lambda *_: [CopiedMailbox("jo@acme.test", errors=("[x] no such mailbox",))]
    )
    ended = cli(*FROM, "--mailboxes", "list.csv")
    assert ended.code == 1 and "error: [x] no such mailbox" in ended.out and "0 of 1 mailboxes copied" in ended.out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 2, "needs --master-user"),
        (("--master-user", "admin"), 1, "use --password-file or $MAILTENANT_SOURCE_PASSWORD"),
        (("--master-user", "admin", "--password-file", "empty"), 1, "is empty"),
        (("--master-user", "admin", "--password-file", "nowhere"), 1, "nowhere: No such file"),
        (("--master-user", "admin", "--password-file", "password", "--ca", "empty"), 1, "empty holds no certificate"),
        (("--mailboxes", "list.csv"), 1, "list.csv: line 2   jo: not an address"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_asked_of_a_server(
    cli: Cli, asked: list[Any], project: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    (project / "empty").write_text("\n")
    (project / "password").write_text("s3cret\n")
    (project / "list.csv").write_text("address,password\njo,s3cret\n")
    ended = cli(*FROM, *options)
    assert ended.code == code and said.replace(" ", "") in "".join(ended.err.split()).replace("│", "")
    assert asked == [] and "s3cret" not in ended.err
