"""Filters name folders as the old host does: the preflight says where the new servers would not."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from mailtenant.migration.sides import SideError
from mailtenant.workflow.real import moves
from tests import samples


def found(monkeypatch: pytest.MonkeyPatch, theirs: str | SideError, ours: Literal["/", "."] = "/") -> Any:
    @contextmanager
    def session(_: object, address: str) -> Iterator[Any]:
        assert address == "jo@acme.test"
        if isinstance(theirs, SideError):
            raise theirs
        yield SimpleNamespace(separator=lambda: theirs)

    monkeypatch.setattr(moves, "imap_session", session)
    settings = samples.settings("acme", "acme.test", tuning={"dovecot": {"folder_separator": ours}})
    copier: Any = SimpleNamespace(runners=lambda _: (object(), object()))
    (finding,) = moves._separators(settings, copier, ["jo@acme.test"])
    return finding


@pytest.mark.parametrize(("theirs", "ours"), [("/", "/"), (".", "."), ("", "/")])
def test_the_same_separator_or_none_is_well(
    monkeypatch: pytest.MonkeyPatch, theirs: str, ours: Literal["/", "."]
) -> None:
    finding = found(monkeypatch, theirs, ours)
    assert finding.ok and not finding.fix


def test_another_separator_is_said_with_the_line_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = found(monkeypatch, ".")
    assert not finding.ok
    assert "`.` on the shared host" in finding.said and 'folder_separator: "."' in finding.fix


def test_a_host_that_does_not_answer_is_no_green_light(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = found(monkeypatch, SideError("no answer"))
    assert not finding.ok and "no answer" in finding.said


def test_without_mailboxes_there_is_nothing_to_ask() -> None:
    copier: Any = None
    assert not moves._separators(samples.settings("acme", "acme.test"), copier, [])
