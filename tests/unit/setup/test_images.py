"""Which images setup builds, and when it builds one again."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.setup import images

TREE = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "smtp"
    (made / "etc").mkdir(parents=True)
    (made / "Dockerfile").write_text("FROM mailtenant/base:trixie\n")
    (made / "etc" / "main").write_text("one\n")
    return made


def test_hash_stays_when_nothing_changes(folder: Path) -> None:
    assert images.source_hash(folder, "sha256:1") == images.source_hash(folder, "sha256:1")


def test_hash_does_not_depend_on_times_or_compiled_python(folder: Path) -> None:
    before = images.source_hash(folder, "sha256:1")
    (folder / "etc" / "main").touch()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert images.source_hash(folder, "sha256:1") == before


def test_hash_changes_with_the_parent_image(folder: Path) -> None:
    assert images.source_hash(folder, "sha256:1") != images.source_hash(folder, "sha256:2")


def test_hash_changes_with_content_name_mode_and_number_of_files(folder: Path) -> None:
    seen = {images.source_hash(folder, "p")}
    (folder / "etc" / "main").write_text("two\n")
    seen.add(images.source_hash(folder, "p"))
    (folder / "etc" / "main").chmod(0o755)
    seen.add(images.source_hash(folder, "p"))
    (folder / "etc" / "main").rename(folder / "etc" / "other")
    seen.add(images.source_hash(folder, "p"))
    (folder / "more").write_text("")
    seen.add(images.source_hash(folder, "p"))
    assert len(seen) == 5


def test_service_images_carry_the_release_and_stand_on_the_base() -> None:
    found = {image.tag: image.parent for image in images.services()}
    assert f"mailtenant/edge:{images.release()}" in found
    assert set(found.values()) == {images.BASE}
    assert images.BASE not in found


def test_images_of_the_world_are_named_apart(tmp_path: Path) -> None:
    for place in ("images/base", "images/smtp", "world/images/mx", "images/no-dockerfile"):
        (tmp_path / place).mkdir(parents=True)
    for place in ("images/base", "images/smtp", "world/images/mx"):
        (tmp_path / place / "Dockerfile").write_text("FROM x\n")
    names = [image.tag.rsplit(":", 1)[0] for image in images.services(tmp_path)]
    assert names == ["mailtenant/smtp", "mailtenant/world-mx"]


@pytest.mark.parametrize("file", sorted(TREE.glob("images/*/Dockerfile")), ids=lambda path: path.parent.name)
def test_a_build_keeps_no_package_lists(file: Path) -> None:
    text = file.read_text()
    assert text.count("apt-get update") == text.count("rm -rf /var/lib/apt/lists/*")
