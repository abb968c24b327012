"""The note of a suspension, without a tenant: the database and the containers are played."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from mailtenant.fleet import suspension
from mailtenant.fleet.suspension import suspend
from tests.unit.fleet.accounts import PlayedAccounts

MAILBOXES = {"jo@acme.test": True, "off@acme.test": False}
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Accounts(PlayedAccounts):
    """Two mailboxes, one of them off already."""

    boxes: ClassVar = MAILBOXES


def test_a_suspension_that_is_repeated_keeps_its_reason_and_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspension, "AccountStore", Accounts)
    engine: Any = SimpleNamespace(label="acme", run=lambda *_, **__: "")
    suspend(tmp_path, engine, "invoice 4711", NOW)
    held = suspend(tmp_path, engine, "", NOW.replace(hour=13))
    assert held == suspension.suspension(tmp_path, "acme")
    assert (held.since, held.reason) == ("2026-11-28T12:00:00+00:00", "invoice 4711")
    assert held.mailboxes == ("jo@acme.test",)
    assert suspend(tmp_path, engine, "offboarding", NOW).reason == "offboarding"
