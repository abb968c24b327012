"""Writing all accounts as the CSV that `import` reads, so that a customer can take them along, passwords as hashes."""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from mailtenant.accounts.errors import AccountError
from mailtenant.accounts.model import Alias, StoredMailbox

HEADER = ("address", "password_hash", "quota_mib", "name", "forward_to")


def accounts_csv(mailboxes: Iterable[StoredMailbox], aliases: Iterable[Alias]) -> str:
    """Mailboxes, then one row for each alias with all its destinations."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for box in mailboxes:
        writer.writerow(
            (box.address, box.password_hash or "", "" if box.quota_mib is None else box.quota_mib, box.name, "")
        )
    targets: dict[str, list[str]] = {}
    for alias in aliases:
        if not alias.builtin:
            targets.setdefault(alias.address, []).append(alias.destination)
    for address, destinations in targets.items():
        writer.writerow((address, "", "", "", " ".join(destinations)))
    return text.getvalue()


def write_private(path: Path, text: str) -> None:
    """A new file that only its owner can read: it holds password hashes.

    Raises: AccountError, if it exists already.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AccountError(f"{path} exists already; name another file, or move it away") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
