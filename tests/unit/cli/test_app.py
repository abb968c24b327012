"""The command line as a whole: its commands, help, exit codes, and what the user sees of an error."""

import json
import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
import typer

from mailtenant.cli import app as application
from mailtenant.cli.app import COMMANDS, CommandEntry, run
from mailtenant.cli.output import CommandError, EnvironmentProblem, print_json, project_dir, stack_file
from tests.unit.cli.conftest import TREE, Cli
from tests.unit.settings.files import a_stack_file


def test_help_lists_every_command_and_the_exit_codes(cli: Cli) -> None:
    ended = cli("--help")
    assert ended.code == 0
    for entry in COMMANDS:
        assert f"  {entry.name} " in ended.out
    assert "Exit codes: 0 ok, 1 a problem" in ended.out


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_is_there_and_has_help(cli: Cli, entry: CommandEntry) -> None:
    ended = cli(entry.name, "--help")
    assert ended.code == 0
    group = "COMMAND [ARGS]" in ended.out
    assert group or "Example: mailtenant " in " ".join(ended.out.split())


def test_help_imports_no_command() -> None:
    """Measured by what a fresh interpreter has loaded afterwards."""
    code = (
        "import sys; from mailtenant.cli.app import run; run(['--help']);"
        "print([m for m in sys.modules if m.split('.')[0] in ('psycopg', 'docker', 'jinja2', 'pulumi')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_printed(cli: Cli) -> None:
    assert cli("--version").out.startswith("mailtenant 20")


@pytest.mark.parametrize("arguments", [["nonsense"], ["validate", "--nonsense"], ["new"]])
def test_wrong_usage_exits_2(cli: Cli, arguments: list[str]) -> None:
    assert cli(*arguments).code == 2


class _DockerException(Exception):
    """Stands for docker.errors.DockerException, which is known by module and name."""


_DockerException.__module__, _DockerException.__name__ = "docker.errors", "DockerException"


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (CommandError("no [such] thing; do this"), 1, "error: no [such] thing; do this"),
        (EnvironmentProblem("no tool; install it"), 3, "error: no tool; install it"),
        (_DockerException("connection aborted"), 3, "no Docker engine answers"),
        (FileNotFoundError(2, "No such file or directory", "/nowhere/x"), 1, "/nowhere/x: No such file or directory"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, word: str
) -> None:
    _with_command(monkeypatch, error)
    ended = cli("fails")
    assert (ended.code, ended.out) == (code, "")
    assert word in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    _with_command(monkeypatch, KeyError("defect"))
    with pytest.raises(KeyError, match="defect"):
        run(["fails"])


def test_a_commands_own_exit_code_is_kept(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    _with_command(monkeypatch, typer.Exit(3))
    assert cli("fails").code == 3


def _with_command(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fails() -> None:
        """Fails."""
        raise error

    monkeypatch.setattr(sys.modules[__name__], "fails_now", fails, raising=False)
    entry = CommandEntry("fails", __name__, "fails_now", "Fails.")
    monkeypatch.setattr(application, "COMMANDS", (entry,))


def test_the_project_is_found_from_the_folder_upwards(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "stacks")
    assert project_dir() == project


def test_outside_a_project_the_installed_tree_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert project_dir() == TREE


def test_a_folder_that_is_no_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"no Pulumi\.yaml"):
        project_dir(tmp_path)


def test_the_project_can_be_named_by_the_environment(
    project: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAILTENANT_PROJECT", str(project))
    assert "there is no stack file" in cli("validate").err


@pytest.mark.parametrize("label", ["absent", "../../etc/passwd", ""])
def test_a_label_without_a_file_is_refused_with_those_there(project: Path, label: str) -> None:
    (project / "stacks" / "Pulumi.globex.yaml").write_text("", encoding="utf-8")
    with pytest.raises(CommandError, match="there: globex"):
        stack_file(project, label)


@pytest.mark.parametrize("form", ["table", "json", "csv", "bind"])
def test_a_terminal_without_all_signs_ends_no_command(project: Path, form: str) -> None:
    a_stack_file(project, "acme", 0)
    command = [sys.executable, "-c", "from mailtenant.cli.app import main; main()", "records", "acme", "--format", form]
    environment = {**os.environ, "PYTHONPATH": str(TREE), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"v=spf1" in done.stdout


def test_json_is_whole_in_every_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding in ("ascii", "latin-1", "utf-8"):
        octets = BytesIO()
        monkeypatch.setattr("sys.stdout", TextIOWrapper(octets, encoding=encoding))
        print_json({"organisation": "Ümläut … 北"})
        sys.stdout.flush()
        assert json.loads(octets.getvalue().decode(encoding)) == {"organisation": "Ümläut … 北"}
