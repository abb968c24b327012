"""The Maildir that the benchmark of moves makes: named so that Dovecot handles it as it does a real one."""

import subprocess
from collections import Counter
from pathlib import Path

from bench.benchmarks.moving import _FILL, OCTETS, appended, flagged


def _bucket(name: str) -> int:
    """The hash by which Dovecot finds a Maildir's file names (the one of the dragon book, up to the flags)."""
    value = 0
    for sign in name.partition(":")[0].encode():
        value = ((value << 4) + sign) & 0xFFFFFFFF
        if high := value & 0xF0000000:
            value = (value ^ high >> 24) ^ high
    return value


def _filled(root: Path, first: int, count: int) -> list[Path]:
    (root / "cur").mkdir(exist_ok=True)
    words = ["perl", "-", str(root), str(first), str(count), "142"]
    subprocess.run(words, input=_FILL.encode(), check=True, timeout=60)
    return sorted((root / "cur").iterdir())


def test_file_names_do_not_share_hash_values(tmp_path: Path) -> None:
    found = Counter(_bucket(path.name) for path in _filled(tmp_path, 0, 5_000))
    assert found.total() == 5_000 and max(found.values()) <= 4


def test_the_hash_is_the_one_that_step_by_step_names_overload() -> None:
    """10,000 names of this kind: measured with Dovecot 2.4.1, 87 % of a look's CPU in comparing them."""
    found = Counter(_bucket(f"{1700000000 + i}.M{i}P250.bench") for i in range(10_000))
    assert max(found.values()) > 1_000


def test_a_later_filling_adds_messages_whose_sizes_their_names_say(tmp_path: Path) -> None:
    _filled(tmp_path, 0, 3)
    paths = _filled(tmp_path, 3, 2)
    assert len(paths) == 5
    for path in paths:
        text = path.read_bytes()
        lines = text.count(b"\n")
        assert f",S={len(text)},W={len(text) + lines}:2,S" in path.name


def test_new_messages_come_one_by_one_and_changes_leave_the_mailbox_as_it_was() -> None:
    commands = appended(1_000, 3)
    for number, command in enumerate(commands, 1_000):
        head, _, text = command.partition(b"\r\n")
        assert head == b"APPEND INBOX {%d+}" % len(text) and b"Subject: %d\r\n" % number in text
        assert 0.9 * OCTETS < len(text) < 1.1 * OCTETS
    first, *stores = flagged(7)
    assert first == b"SELECT INBOX" and len(stores) == 6
    assert [store.split()[3][:1] for store in stores] == [b"+", b"-"] * 3
