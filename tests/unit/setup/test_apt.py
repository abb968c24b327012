"""Where this machine's packages come from, in both forms that apt knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.setup import apt


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "sources.list",
            "# deb http://old.example/debian trixie main\ndeb [arch=amd64] http://mirror.example/debian trixie main",
        ),
        ("sources.list.d/debian.sources", "Types: deb\n# why\nURIs: http://mirror.example/debian/\nSuites: trixie\n"),
        (
            "sources.list.d/debian.sources",
            "Types: deb\nEnabled: no\nURIs: http://off.example/debian\n\nURIs: http://mirror.example/debian\n",
        ),
        (
            "sources.list.d/a.list",
            "deb http://mirror.example/debian-security x main\ndeb http://mirror.example/debian trixie main",
        ),
    ],
    ids=["one-line", "deb822", "disabled", "security-first"],
)
def test_the_main_archive_is_found(sources: Path, file: str, text: str) -> None:
    (sources / file).write_text(text)
    assert apt.archive(sources) == "http://mirror.example/debian"


def test_another_distribution_has_no_debian_archive(sources: Path) -> None:
    (sources / "sources.list").write_text("deb http://mirror.example/ubuntu noble main\n")
    assert apt.archive(sources) is None
