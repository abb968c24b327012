"""Which mailboxes come from a foreign server, as a CSV file says. Pure; passwords are never repeated.

Columns: `address`, the mailbox here; optional `login`, its name there if it is another; `password`, only where no
master user logs in for all.
"""

import csv
import io
from collections.abc import Iterator
from typing import Final

from mailtenant.accounts.address import parse_mailbox_address, shown
from mailtenant.accounts.errors import AccountError, Problem
from mailtenant.mailbox_copy.imap_source import SourceMailbox

COLUMNS: Final = ("address", "login", "password")


def parse_list(text: str, *, master: bool) -> tuple[list[SourceMailbox], list[Problem]]:
    """The mailboxes, and everything wrong with the file."""
    header = text.lstrip().partition("\n")[0]
    # Spreadsheets write `;` where the comma is the decimal mark.
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    boxes: dict[str, SourceMailbox] = {}
    problems: list[Problem] = []
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        if problems := list(_header(names)):
            return [], problems
        reader.fieldnames = names
        for row in reader:
            try:
                box = _box(row, master=master)
                if box.address in boxes:
                    raise AccountError(f"{box.address} is there twice")
                boxes[box.address] = box
            except AccountError as error:
                problems.append(Problem(reader.line_num, "", str(error)))
    except csv.Error as error:
        problems.append(Problem(reader.line_num, "", f"the quotes do not fit ({error})"))
    if not boxes and not problems:
        problems.append(Problem(0, "", "no rows below the header"))
    return list(boxes.values()), problems


def _header(names: list[str]) -> Iterator[Problem]:
    if "address" not in names:
        yield Problem(1, "", f"the first line names the columns: {', '.join(COLUMNS)}; `address` is missing")
    for name in names:
        if name not in COLUMNS:
            yield Problem(1, shown(name), f"unknown column; known are {', '.join(COLUMNS)}")


def _box(row: dict[str | None, str | None], *, master: bool) -> SourceMailbox:
    """Raises: AccountError"""
    if None in row:
        raise AccountError("more cells than columns; put cells that hold a separator in quotes")
    address = parse_mailbox_address(row["address"] or "")
    login = (row.get("login") or "").strip() or address
    password = row.get("password") or ""
    if master and password:
        raise AccountError(f"{address}: has a password, but the master user logs in for all; leave the column out")
    if not master and not password:
        raise AccountError(f"{address}: no password; give it here, or a master user with --master-user")
    return SourceMailbox(address, login, password)
