"""The export's folder; what is in it comes from a running tenant (tests/world/fleet)."""

from pathlib import Path

import pytest

from mailtenant.fleet import export
from mailtenant.fleet.export import export_all
from mailtenant.settings import load_stack_file
from tests.unit.fleet.accounts import PlayedAccounts
from tests.unit.settings.files import a_stack_file


def test_mail_is_for_its_owner_alone_also_in_a_folder_that_others_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "AccountStore", PlayedAccounts)
    folder = tmp_path / "export"
    folder.mkdir(mode=0o755)
    found = export_all(load_stack_file(a_stack_file(tmp_path, "acme", 0).path), folder)
    assert [one.file for one in found] == ["accounts.csv", "records.zone"]
    for name in ("mail", "accounts.csv"):
        assert (folder / name).stat().st_mode & 0o077 == 0
