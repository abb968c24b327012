"""Mail that came to the source after a folder was taken into use here: added message by message, under UIDs of its own.

Known by its Message-ID (else by size and date) in whatever folder it is here, so a further run does not add it again.
What people removed of what was copied before stays removed.
"""

import imaplib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from mailtenant.mailbox_copy.imap import quoted
from mailtenant.mailbox_copy.imap_contents import Contents, Holdings, Mail, answer

_UID: Final = re.compile(rb"\bUID (\d+)")
_MESSAGE_ID: Final = "(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"


def add_late(
    source: imaplib.IMAP4, there: Holdings, target: imaplib.IMAP4, here: Holdings, busy: Mapping[str, int]
) -> Iterator[tuple[str, int]]:
    """(folder, how many were added) of what came after the last UID that both sides of a folder have in common.

    Raises: imaplib.IMAP4.error, OSError
    """
    late = {path: _identities(source, there.folders[path], common) for path, common in busy.items()}
    known = {
        one for folder in here.folders.values() if any(late.values()) for one in _identities(target, folder).values()
    }
    for path, found in late.items():
        folder = there.folders[path]
        answer(source.select(quoted(folder.name), readonly=True))  # type: ignore[arg-type]
        wanted = [uid for uid, identity in sorted(found.items()) if identity not in known]
        for uid in wanted:
            _add(source, uid, folder.mails[uid], target, here.folders[path].name)
        known.update(found.values())
        yield path, len(wanted)


def _add(source: imaplib.IMAP4, uid: int, mail: Mail, target: imaplib.IMAP4, name: bytes) -> None:
    came = f'"{datetime.fromtimestamp(mail.received, UTC):%d-%b-%Y %H:%M:%S} +0000"'
    flags = b" ".join(sorted(mail.flags)).decode("ascii", "replace")
    for _, text in _literals(answer(source.uid("FETCH", str(uid), "(UID BODY.PEEK[])"))):
        answer(target.append(quoted(name), f"({flags})", came, text))  # type: ignore[arg-type]


def _identities(client: imaplib.IMAP4, folder: Contents, common: int = 0) -> dict[int, bytes]:
    """UID → what a message is known by, for those after `common`."""
    mails = {uid: mail for uid, mail in folder.mails.items() if uid > common}
    if not mails:
        return {}
    answer(client.select(quoted(folder.name), readonly=True))  # type: ignore[arg-type]
    headers = dict(_literals(answer(client.uid("FETCH", f"{common + 1}:*", _MESSAGE_ID))))
    ids = {uid: b"".join(headers.get(uid, b"").partition(b":")[2].split()) for uid in mails}
    return {uid: ids[uid] or b"%d %d" % (mail.octets, mail.received) for uid, mail in mails.items()}


def _literals(lines: list[Any]) -> Iterator[tuple[int, bytes]]:
    """(UID, text) of each message; a server may name the UID before the text or after it."""
    for number, line in enumerate(lines):
        if isinstance(line, tuple):
            tail = lines[number + 1] if number + 1 < len(lines) else b""
            uid = _UID.search(line[0]) or (_UID.search(tail) if isinstance(tail, bytes) else None)
            if uid:
                yield int(uid[1]), line[1]
