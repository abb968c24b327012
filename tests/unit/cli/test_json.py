"""`--json`: every command has it but those named here, and what it prints is JSON and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from typer.main import get_command

from mailtenant.cli import down
from mailtenant.cli.app import build
from mailtenant.fleet.leftovers import Leftovers
from tests.unit.cli.conftest import Cli
from tests.unit.settings.files import a_stack_file

ZONE: Final = "$ORIGIN acme.test.\n@ 3600 IN MX 10 mail.example.net.\n"
WITHOUT: Final = {
    # Run until they are ended.
    "serve", "migrate run", "fleet work",
    # Their output is what a workflow's next step reads, or files of JSON.
    "ci comment", "ci drift", "ci labels", "ci preview", "ci rings", "ci shards", "ci since",
}  # fmt: skip


def commands(found: Any, name: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if not hasattr(found, "commands"):
        yield " ".join(name), found
        return
    for word, below in found.commands.items():
        yield from commands(below, (*name, word))


def test_every_command_has_json_but_those_that_have_a_reason() -> None:
    found = {
        name for name, one in commands(get_command(build())) if not any("--json" in part.opts for part in one.params)
    }
    assert found == WITHOUT


@dataclass
class PlayedStack:
    """`TenantStack` without a Pulumi."""

    project: Path
    label: str
    quiet: bool = False

    def exists(self) -> bool:
        return True

    def take_down(self, *, run_program: bool = False) -> None:
        assert self.quiet

    def forget(self, *, purge: bool = False) -> None:
        assert self.quiet


@pytest.fixture
def acme(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    held = [Leftovers(("mt-acme-smtp",), (), ("mt-acme-mail",)), Leftovers((), (), ()), Leftovers((), (), ())]
    monkeypatch.setattr(down, "TenantStack", PlayedStack)
    monkeypatch.setattr(down.NodeQueues, "there", lambda _: [])
    monkeypatch.setattr(down, "engine_client", lambda _: None)
    monkeypatch.setattr(down, "leftovers", lambda *_: held.pop(0))
    monkeypatch.setattr(down, "remove", lambda *_: None)
    (project / "acme.zone").write_text(ZONE, encoding="utf-8")
    return a_stack_file(project, "acme", 0).path


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("command", "named"),
    [
        (("down", "acme"), {"label": "acme", "down": True, "drained": []}),
        (("purge", "acme", "--confirm", "acme"), {"purged": True}),
        (("render", "acme", "--output", "tree"), {"folder": "tree"}),
        (("dns", "phase", "acme", "cutover"), {"before": "settled", "phase": "cutover"}),
        (("dns", "adopt", "acme", "--domain", "acme.test", "--from-file", "acme.zone"), {"phase": "adopted"}),
        (("dkim", "rotate", "acme", "--dry-run"), {"label": "acme", "changed": False}),
        (("schema",), {"written": ["docs/tenant.schema.json", "docs/tenant-settings.md"]}),
    ],
    ids=lambda part: " ".join(part[:2]) if isinstance(part, tuple) else "",
)
def test_what_is_printed_is_json_and_nothing_else(cli: Cli, command: tuple[str, ...], named: dict[str, Any]) -> None:
    ended = cli(*command, "--json")
    assert ended.code == 0, ended.err
    assert ended.json.items() >= named.items()


@pytest.mark.usefixtures("acme")
def test_records_and_the_sheet_take_json_as_every_command_does(cli: Cli) -> None:
    for command in (("records", "acme"), ("dns", "sheet", "acme")):
        assert cli(*command, "--json").json == cli(*command, "--format", "json").json
