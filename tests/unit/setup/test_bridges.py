"""Which bridges count as left behind."""

from pathlib import Path

from scripts.setup.bridges import abandoned


def test_only_engine_bridges_without_members_are_abandoned(tmp_path: Path) -> None:
    for name, members in (("br-0123456789ab", []), ("br-ba9876543210", ["veth1"]), ("br-lan", []), ("docker0", [])):
        folder = tmp_path / name / "brif"
        folder.mkdir(parents=True)
        for member in members:
            (folder / member).touch()
    (tmp_path / "br-aaaaaaaaaaaa").mkdir()  # no bridge at all
    assert abandoned(tmp_path) == ["br-0123456789ab"]
