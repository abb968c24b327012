"""`mailtenant validate`: files, exit codes, JSON; and against a running tenant."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest

from mailtenant.accounts import engine, in_use
from mailtenant.accounts.errors import AccountsUnavailable
from mailtenant.certificates import make_local_certificates
from mailtenant.cli.validate import certificate_problems
from mailtenant.settings import load_stack_file
from tests.unit.cli.conftest import TREE, Cli
from tests.unit.settings.example import example_document
from tests.unit.settings.files import a_stack_file, stack_value, write


def test_good_files_exit_0_and_say_what_was_not_checked(project: Path, cli: Cli) -> None:
    for number, label in enumerate(("acme", "globex")):
        a_stack_file(project, label, number)
    ended = cli("validate")
    assert ended.code == 0
    assert "2 stack files in order: acme, globex" in ended.out
    assert "--live" in ended.out


def test_problems_exit_1_and_stand_on_stderr(project: Path, cli: Cli) -> None:
    value = stack_value(example_document())
    value["config"]["mailtenant:tenant"]["size"] = "huge"
    path = write(project, value)
    for arguments in ((), (path,)):
        ended = cli("validate", *arguments)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith("stacks/Pulumi.acme.yaml: 1 problem\n  mailtenant:tenant.size   is not one of")


def test_json_holds_every_problem(project: Path, cli: Cli) -> None:
    value = stack_value(example_document())
    value["config"]["mailtenant:tenant"] |= {"size": "huge", "nonsense": 1}
    write(project, value)
    ended = cli("validate", "--json")
    assert ended.code == 1
    assert ended.json["ok"] is False
    assert {p["path"] for p in ended.json["problems"]} == {"mailtenant:tenant.size", "mailtenant:tenant.nonsense"}
    assert all(p["file"] == "stacks/Pulumi.acme.yaml" and p["line"] and p["fix"] for p in ended.json["problems"])


def test_json_of_good_files(project: Path, cli: Cli) -> None:
    a_stack_file(project, "acme", 0)
    assert cli("validate", "--json").json == {
        "ok": True,
        "tenants": ["acme"],
        "problems": [],
        "use_not_checked": ["acme"],
    }


def test_one_file_is_judged_with_its_neighbours_in_mind(project: Path, cli: Cli) -> None:
    a_stack_file(project, "acme", 0)
    zed = a_stack_file(project, "zed", 1, edge={"address": "10.99.1.10"})
    (project / "stacks" / "Pulumi.broken.yaml").write_text("a: [", encoding="utf-8")
    ended = cli("validate", project / "stacks" / "Pulumi.acme.yaml")
    assert ended.code == 1
    assert "is the edge address in stacks/Pulumi.zed.yaml as well" in ended.err
    assert "broken" not in ended.err
    zed.path.unlink()
    assert cli("validate", project / "stacks" / "Pulumi.acme.yaml").code == 0


def test_a_named_file_for_the_world_is_tried_with_the_published_passphrase(project: Path, cli: Cli) -> None:
    stack_file = a_stack_file(project, "acme", 0, "acme.com")
    assert cli("validate", stack_file.path).code == 0
    salt = load_stack_file(TREE / "stacks" / "Pulumi.acme.yaml").encryption_salt
    text = stack_file.path.read_text(encoding="utf-8").replace(str(stack_file.encryption_salt), str(salt))
    stack_file.path.write_text(text, encoding="utf-8")
    ended = cli("validate", stack_file.path)
    assert ended.code == 1
    assert "is made with the published demo passphrase" in ended.err


def test_a_missing_file_is_named(project: Path, cli: Cli) -> None:
    ended = cli("validate", project / "stacks" / "Pulumi.absent.yaml")
    assert ended.code == 1
    assert "the file is not there" in ended.err


def test_a_certificate_is_judged_by_the_clock(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    document = example_document()
    made = make_local_certificates("acme", "acme.outboxment.test", now)
    document["tls"] |= {"ca": made.ca, "chain": made.chain}
    stack_file = load_stack_file(write(tmp_path, stack_value(document)))
    assert certificate_problems([stack_file], now) == []
    (late,) = certificate_problems([stack_file], now + timedelta(days=3651))
    (early,) = certificate_problems([stack_file], now - timedelta(days=2))
    assert late.path == early.path == "mailtenant:tenant.tls.chain"
    assert late.message.startswith("expired on ")
    assert "is valid from" in early.message


class _Store:
    """Stands for a running tenant's account store."""

    def __init__(self, _place: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def mailboxes(self) -> list[SimpleNamespace]:
        people = [SimpleNamespace(address=f"p{n}@acme.test", quota_mib=None, role=False) for n in range(47)]
        return [*people, SimpleNamespace(address="postmaster@acme.test", quota_mib=None, role=True)]


class _NotUp(_Store):
    """A tenant whose database is not there."""

    def __init__(self, _place: object) -> None:
        raise AccountsUnavailable("tenant acme is not up on this engine; bring it up: pulumi up -s acme")


def test_live_refuses_a_capacity_below_use(project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    a_stack_file(project, "acme", 0, capacity={"mailboxes": 40})
    monkeypatch.setattr(in_use, "AccountStore", _Store)
    ended = cli("validate", "--live")
    assert ended.code == 1
    assert "mailtenant:tenant.capacity.mailboxes   40 is below the 47 in use; remove 7 mailboxes" in ended.err
    assert cli("validate").code == 0


def test_live_says_which_tenant_does_not_answer(project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    a_stack_file(project, "acme", 0)
    monkeypatch.setattr(in_use, "AccountStore", _NotUp)
    nowhere = engine.TenantEngine("acme", "mt-acme", {**os.environ, "DOCKER_HOST": f"unix://{project}/no-engine.sock"})
    monkeypatch.setattr(engine.TenantEngine, "of", classmethod(lambda *_: nowhere))
    ended = cli("validate", "--live")
    assert ended.code == 3
    assert "not checked: what acme uses: tenant acme is not up" in ended.err
