"""What is added to a folder that is in use here: which messages, how they are known, with what."""

from typing import Any

from mailtenant.mailbox_copy.imap_contents import Contents, Holdings, Mail
from mailtenant.mailbox_copy.imap_late import add_late


class Side:
    """A mailbox: folder → UID → (Message-ID or nothing, octets). `after`: whether it names the UID after the text."""

    def __init__(self, folders: dict[str, dict[int, tuple[str, int]]], *, after: bool = False) -> None:
        self.folders, self.appended, self._after = folders, list[tuple[Any, ...]](), after

    def holdings(self) -> Holdings:
        return Holdings(
            {
                path: Contents(
                    path.encode(),
                    7,
                    99,
                    {uid: Mail(frozenset({b"\\seen"}), 60.0, octets) for uid, (_, octets) in mails.items()},
                )
                for path, mails in self.folders.items()
            },
            frozenset(),
        )

    def select(self, name: bytes, *, readonly: bool) -> tuple[str, list[bytes]]:
        assert readonly
        self._open = self.folders[name.decode().strip('"')]
        return "OK", [b"1"]

    def uid(self, command: str, which: str, items: str) -> tuple[str, list[Any]]:
        first, _, rest = which.partition(":")
        lines: list[Any] = []
        for uid, (name, _) in self._open.items():
            if uid == int(first) or (rest and uid >= int(first)):
                text = (
                    b"whole %d" % uid
                    if "BODY.PEEK[]" in items
                    else f"Message-ID:\r\n {name}\r\n\r\n".encode()
                    if name
                    else b"\r\n"
                )
                head, tail = (
                    (b"1 (BODY[] {9}", b" UID %d)" % uid) if self._after else (b"1 (UID %d BODY[] {9}" % uid, b")")
                )
                lines += [(head, text), tail]
        return "OK", lines

    def append(self, *given: Any) -> tuple[str, list[bytes]]:
        self.appended.append(given)
        return "OK", [b""]


def added(source: Side, target: Side, busy: dict[str, int]) -> list[tuple[str, int]]:
    return list(add_late(source, source.holdings(), target, target.holdings(), busy))  # type: ignore[arg-type]


def test_what_came_later_is_added_with_flags_and_date_unless_it_is_here_in_any_folder() -> None:
    for after in (False, True):
        source = Side(
            {"INBOX": {1: ("<a>", 5), 2: ("<gone>", 5), 4: ("<filed>", 5), 5: ("<late>", 5), 6: ("", 6)}}, after=after
        )
        target = Side({"INBOX": {1: ("<a>", 5), 3: ("<own>", 5)}, "Done": {1: ("<filed>", 5)}}, after=after)
        assert added(source, target, {"INBOX": 2}) == [("INBOX", 2)]
        date = '"01-Jan-1970 00:01:00 +0000"'
        assert target.appended == [
            (b'"INBOX"', "(\\seen)", date, b"whole 5"), (b'"INBOX"', "(\\seen)", date, b"whole 6"),
        ]  # fmt: skip


def test_a_further_run_finds_what_was_added_also_without_a_message_id() -> None:
    source = Side({"INBOX": {1: ("<a>", 5), 2: ("<late>", 5), 3: ("", 6)}})
    target = Side({"INBOX": {1: ("<a>", 5), 2: ("<own>", 5), 3: ("<late>", 5), 4: ("", 6)}})
    assert added(source, target, {"INBOX": 1}) == [("INBOX", 0)] and target.appended == []
