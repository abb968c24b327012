"""A small git repository of stack files, with this tree's code in it or without."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailtenant.diff.comparison import Comparison, compare
from mailtenant.diff.repository import WORKING_TREE, Repository
from tests.pull_requests.record import ROOT, copy_tree
from tests.unit.settings.files import a_stack_file

LABELS = ("acme", "globex", "initech")


@dataclass(frozen=True)
class GitProject:
    """A project under git; `commit` names what was committed."""

    folder: Path

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Jo", "-c", "user.email=jo@example.com", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", "-C", str(self.folder), *identity, *arguments], text=True, capture_output=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str = "change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def stack_file(self, label: str) -> Path:
        return self.folder / "stacks" / f"Pulumi.{label}.yaml"

    def edit(self, path: Path | str, old: str, new: str) -> None:
        """Replaces what is there exactly once."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times in {path}"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def compare(self, base: str, head: str | None = None) -> Comparison:
        repository = Repository(self.folder)
        new = repository.resolve(head) if head else WORKING_TREE
        return compare(repository, self.folder, repository.resolve(base), new)


def _made(folder: Path, *, code: bool) -> GitProject:
    folder.mkdir()
    if code:
        copy_tree(folder)
    else:
        (folder / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    for number, label in enumerate(LABELS):
        a_stack_file(folder, label, number, tuning={"postfix": {"message_size_limit_mib": 40 + number}})
    (folder / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
    project = GitProject(folder)
    project.git("init", "--quiet", "--initial-branch=main")
    project.commit("three tenants")
    return project


@pytest.fixture
def stacks_only(tmp_path: Path) -> GitProject:
    """Stack files of three tenants; the code is the installed one."""
    return _made(tmp_path / "stacks-only", code=False)


@pytest.fixture
def with_code(tmp_path: Path) -> GitProject:
    """Three tenants with the code that they come from, as this tree has it."""
    return _made(tmp_path / "with-code", code=True)
