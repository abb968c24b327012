"""The edit of a release: one line, nothing else."""

import difflib
import shutil
from pathlib import Path

import pytest

from mailtenant.fleet.release import fingerprint, set_release, with_release
from mailtenant.settings import SettingsErrors, load_stack_file

DEMO = Path(__file__).resolve().parents[3] / "stacks" / "Pulumi.acme.yaml"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(DEMO, tmp_path))


def test_one_line_changes_and_comments_stay(path: Path) -> None:
    before = path.read_text()
    set_release(path, "2026.12")
    lines = [line for line in difflib.ndiff(before.splitlines(), path.read_text().splitlines()) if line[0] in "+-"]
    assert [line[2:].strip().split("#")[0].strip() for line in lines] == ['release: "2026.11"', 'release: "2026.12"']
    assert load_stack_file(path).settings.release == "2026.12"


def test_there_and_back_is_the_same_file(path: Path) -> None:
    before = path.read_text()
    set_release(path, "2026.12")
    set_release(path, "2026.11")
    assert path.read_text() == before


def test_a_release_that_is_no_tag_leaves_the_file_as_it_was(path: Path) -> None:
    before = path.read_text()
    with pytest.raises(SettingsErrors):
        set_release(path, "no tag at all")
    assert path.read_text() == before
    assert list(path.parent.iterdir()) == [path]


def test_the_fingerprint_is_the_same_for_every_release_and_differs_for_any_other_edit(path: Path) -> None:
    text = path.read_text()
    assert fingerprint(with_release(text, "2026.12")) == fingerprint(text)
    assert fingerprint(text.replace("Acme", "Acne", 1)) != fingerprint(text)
