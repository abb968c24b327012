"""Two edits of stack files at once: none is lost, none is seen half."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mailtenant.fleet.release import set_release
from mailtenant.fleet.stack_edit import edit_config
from mailtenant.fleet.stack_text import editing, only_editor, replace_text
from mailtenant.settings import SettingsErrors, load_stack_file
from mailtenant.settings.convert import ROOT

DEMO = Path(__file__).resolve().parents[3] / "stacks" / "Pulumi.acme.yaml"
DEADLINE = 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    return Path(shutil.copy(DEMO, tmp_path / "stacks"))


def one_less(config: Any) -> None:
    config[ROOT]["capacity"]["mailboxes"] -= 1


def test_no_edit_is_lost(path: Path) -> None:
    before = load_stack_file(path).settings
    with ThreadPoolExecutor(4) as pool:
        edits = [pool.submit(edit_config, path.parents[1], path, one_less) for _ in range(6)]
        edits.append(pool.submit(set_release, path, "2026.12"))
        for edit in edits:
            edit.result()
    after = load_stack_file(path).settings
    assert after.capacity.mailboxes == before.capacity.mailboxes - 6
    assert after.release == "2026.12"


def test_a_second_editor_waits_and_says_so_and_sees_the_first_ones_edit(path: Path) -> None:
    waits, seen = threading.Event(), []

    def second() -> None:
        with only_editor(path.parent, waits.set), editing(path) as text:
            seen.append(text)

    with editing(path) as before:
        other = threading.Thread(target=second)
        other.start()
        assert waits.wait(DEADLINE)
        replace_text(path, before + "# edited\n")
        assert seen == []
    other.join(DEADLINE)
    assert seen == [before + "# edited\n"]


def test_an_edit_within_an_edit_is_the_same_one_and_is_taken_back_with_it(path: Path) -> None:
    before = path.read_text()
    with pytest.raises(RuntimeError), editing(path):
        edit_config(path.parents[1], path, one_less)
        assert path.read_text() != before
        raise RuntimeError
    assert path.read_text() == before
    with ThreadPoolExecutor(1) as pool:  # the lock is free again
        pool.submit(edit_config, path.parents[1], path, one_less).result(DEADLINE)
    assert path.read_text() != before


def test_a_bad_edit_leaves_the_file_as_it_was_and_nothing_beside_it(path: Path) -> None:
    before = path.read_text()
    with pytest.raises(SettingsErrors):
        edit_config(path.parents[1], path, lambda config: config[ROOT].__setitem__("size", "enormous"))
    assert path.read_text() == before
    assert list(path.parent.iterdir()) == [path]
