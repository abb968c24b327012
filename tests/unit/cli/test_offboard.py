"""`offboard` with engine and Pulumi played: what is exported again, what is refused, what is purged."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mailtenant.cli import offboard
from mailtenant.fleet.export import Exported
from mailtenant.fleet.leftovers import mail_servers
from mailtenant.fleet.tombstones import tombstone
from mailtenant.settings import StackFile
from tests.unit.cli.conftest import Cli
from tests.unit.settings.files import a_stack_file


@dataclass
class Container:
    """One of the engine's; `stop` takes it from the list of those that run."""

    name: str
    engine: "Engine"

    def stop(self, timeout: int) -> None:
        self.engine.running.remove(self.name)


@dataclass
class Engine:
    """What runs, what was exported and how often, how the stack was destroyed."""

    running: list[str] = field(default_factory=lambda: ["mt-acme-edge", "mt-acme-smtp", "mt-acme-smtp-2"])
    mail: str = "first"
    exports: int = 0
    purged: list[bool] = field(default_factory=list)
    further: list[int] = field(default_factory=lambda: [2])

    @property
    def containers(self) -> "Engine":
        return self

    networks = volumes = containers

    def list(self, all: bool = False, filters: Any = None) -> "list[Container]":
        return [] if all or self.purged else [Container(name, self) for name in self.running]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, project: Path) -> Engine:
    played = Engine()
    a_stack_file(project, "acme", 0)
    a_stack_file(project, "globex", 1)

    def export(stack_file: StackFile, folder: Path, _: Any) -> list[Exported]:
        played.exports += 1
        (folder / "mail").mkdir(exist_ok=True)
        tar = folder / "mail" / "jo@acme.test.tar"
        if not tar.exists():
            tar.write_text(played.mail, encoding="utf-8")
        return [Exported("mail/jo@acme.test.tar", 1, "0")]

    class Stack:
        def __init__(self, *_: object) -> None:
            pass

        def exists(self) -> bool:
            return not played.purged

        def forget(self, *, purge: bool = False) -> None:
            played.purged.append(purge)

    class Queues:
        def __init__(self, *_: object) -> None:
            pass

        def there(self) -> list[int]:
            return played.further

    monkeypatch.setattr(offboard, "engine_client", lambda _: played)
    monkeypatch.setattr(offboard, "suspend", lambda *_: None)
    monkeypatch.setattr(offboard, "export_all", export)
    monkeypatch.setattr(offboard, "remove", lambda *_: None)
    monkeypatch.setattr(offboard, "TenantStack", Stack)
    monkeypatch.setattr(offboard, "NodeQueues", Queues)
    return played


def exported(folder: Path) -> str:
    return (folder / "mail" / "jo@acme.test.tar").read_text(encoding="utf-8")


def test_every_mail_server_stops_before_the_export_and_queues_of_further_ones_may_go(
    engine: Engine, project: Path, cli: Cli
) -> None:
    ended = cli("offboard", "acme", "out", "--confirm", "acme", "--json")
    assert ended.code == 0, ended.err
    assert engine.running == ["mt-acme-edge"]
    assert engine.purged == [True]
    assert (project / "out" / "Pulumi.acme.yaml").is_file()
    assert not (project / "stacks" / "Pulumi.acme.yaml").exists()
    assert tombstone(project / "stacks", "acme")
    assert json.loads((project / "out" / "removal.json").read_text(encoding="utf-8"))["left"] == []


def test_mail_that_came_after_an_export_alone_is_exported_before_it_is_deleted(
    engine: Engine, project: Path, cli: Cli
) -> None:
    assert cli("offboard", "acme", "out", "--export-only").code == 0
    engine.mail = "first and second"
    assert cli("offboard", "acme", "out", "--confirm", "acme").code == 0
    assert exported(project / "out") == "first and second"


def test_a_tenant_that_went_on_after_a_refusal_is_exported_again(engine: Engine, project: Path, cli: Cli) -> None:
    assert cli("offboard", "acme", "out", "--confirm", "no").code == 1
    assert cli("offboard", "acme", "out", "--confirm", "no").code == 1
    assert engine.exports == 1  # its port 25 was closed: nothing came in
    engine.running.append("mt-acme-smtp")
    engine.mail = "first and second"
    assert cli("offboard", "acme", "out", "--confirm", "acme").code == 0
    assert exported(project / "out") == "first and second"


def test_no_tenant_is_removed_for_the_export_of_another(engine: Engine, project: Path, cli: Cli) -> None:
    assert cli("offboard", "acme", "out", "--confirm", "no").code == 1
    ended = cli("offboard", "globex", "out", "--confirm", "globex")
    assert ended.code == 1
    assert "holds the export of acme, not of globex" in ended.err
    (project / "out" / "export-of.json").unlink()
    ended = cli("offboard", "acme", "out", "--confirm", "acme")
    assert ended.code == 1
    assert "not one known to be of acme" in ended.err
    assert engine.purged == []


def test_mail_servers_are_told_from_the_carriers_of_their_files() -> None:
    names = ["mt-acme-smtp", "mt-acme-smtp-3", "mt-acme-smtp-config-0a", "mt-acme-smtp-33-x", "mt-acme-imap"]
    engine = Engine(running=names)
    assert [one.name for one in mail_servers(engine, "acme", "mt-acme")] == ["mt-acme-smtp", "mt-acme-smtp-3"]
