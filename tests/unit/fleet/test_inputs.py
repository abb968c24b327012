"""The hash of a tenant's inputs: the same if nothing would change, another for each thing that would."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mailtenant.fleet.inputs import code_hash, input_hash
from mailtenant.settings import load_stack_file

ROOT = Path(__file__).resolve().parents[3]
IMAGES = {"mailtenant/smtp:2026.11": "sha256:a", "mailtenant/smtp:2026.12": "sha256:b"}


def hashed(path: Path, images: dict[str, str] = IMAGES, code: str = "code") -> str:
    return input_hash(load_stack_file(path), code, images)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(ROOT / "stacks" / "Pulumi.acme.yaml", tmp_path))


def test_comments_and_order_do_not_count(path: Path) -> None:
    before = hashed(path)
    path.write_text("# a comment\n" + path.read_text())
    assert hashed(path) == before


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace('release: "2026.11"', 'release: "2026.12"'),
        lambda text: re.sub(r"mailboxes: \d+", "mailboxes: 51", text),
        lambda text: re.sub(r"secure: v1:[^:]+:", "secure: v1:AAAAAAAAAAAAAAAA:", text, count=1),
    ],
    ids=["release", "capacity", "a secret"],
)
def test_an_edit_counts(path: Path, edit: Callable[[str], str]) -> None:
    before, text = hashed(path), path.read_text()
    assert edit(text) != text
    path.write_text(edit(text))
    assert hashed(path) != before


def test_an_image_of_its_own_release_counts_and_another_release_s_does_not(path: Path) -> None:
    assert hashed(path) != hashed(path, {**IMAGES, "mailtenant/smtp:2026.11": "sha256:c"})
    assert hashed(path) == hashed(path, {**IMAGES, "mailtenant/smtp:2026.12": "sha256:c"})


def test_the_program_and_the_components_count(path: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "components").mkdir(parents=True)
    (tree / "stacks").mkdir()
    (tree / "stacks" / "__main__.py").write_text("main()\n")
    (tree / "components" / "edge.py").write_text("one = 1\n")
    before = code_hash(tree, tree)
    (tree / "components" / "edge.py").write_text("one = 2\n")
    assert code_hash(tree, tree) != before
    assert hashed(path) != hashed(path, code="other code")
