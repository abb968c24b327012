"""The note of a suspension, without a tenant: the database and the containers are played."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from mailtenant.fleet import suspension
from mailtenant.fleet.suspension import suspend

MAILBOXES = {"jo@acme.test": True, "off@acme.test": False}
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Store:
    """Two mailboxes, one of them off already."""

    def __init__(self, _: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def mailboxes(self) -> list[Any]:
        return [SimpleNamespace(address=address, enabled=on) for address, on in MAILBOXES.items()]

    def set_enabled(self, addresses: Sequence[str], *, enabled: bool) -> None:
        pass


def test_a_suspension_that_is_repeated_keeps_its_reason_and_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspension, "AccountStore", Store)
    engine: Any = SimpleNamespace(label="acme", run=lambda *_, **__: "")
    suspend(tmp_path, engine, "invoice 4711", NOW)
    held = suspend(tmp_path, engine, "", NOW.replace(hour=13))
    assert held == suspension.suspension(tmp_path, "acme")
    assert (held.since, held.reason) == ("2026-11-28T12:00:00+00:00", "invoice 4711")
    assert held.mailboxes == ("jo@acme.test",)
    assert suspend(tmp_path, engine, "offboarding", NOW).reason == "offboarding"
