"""Reading an import file: pure, every problem at once, each with its line; passwords and hashes are never repeated.

Columns: `address` and one of `password`, `password_hash`; optional `quota_mib`, `name`, `aliases` (separated by
spaces or `;`).
A row with `forward_to` instead of a password is an alias for other addresses; `@domain` in `address` is a catch-all.
"""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from mailtenant.accounts.address import domain_of, parse_address, parse_alias_address, parse_mailbox_address, shown
from mailtenant.accounts.errors import AccountError, Problem
from mailtenant.accounts.passwords import PasswordRefused, check_password
from mailtenant.accounts.schemes import HashRefused, check_hash

COLUMNS: Final = ("address", "password", "password_hash", "quota_mib", "name", "aliases", "forward_to")
MAX_QUOTA_MIB: Final = 1_048_576
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class _BrokenRow(ValueError):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, "", message)


@dataclass(frozen=True)
class MailboxRow:
    """One mailbox to be made. Exactly one of the two secrets is set."""

    line: int
    address: str
    password: str | None = field(repr=False)
    password_hash: str | None = field(repr=False)
    quota_mib: int | None
    name: str


@dataclass(frozen=True)
class AliasRow:
    """One alias to be made, with one destination."""

    line: int
    address: str
    destination: str


@dataclass(frozen=True)
class ImportFile:
    """What a file asks for, and what is wrong with it."""

    mailboxes: tuple[MailboxRow, ...]
    aliases: tuple[AliasRow, ...]
    problems: tuple[Problem, ...]


def decode(data: bytes, encoding: str | None = None) -> str:
    """The text of the file: as named, else by its byte order mark, else UTF-8. A guess may garble passwords.

    Raises: AccountError naming the first line that is not in that encoding.
    """
    chosen = encoding or next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(chosen).removeprefix("\ufeff")  # the mark stays where a plain UTF-8 is named
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AccountError(
            f"line {line} is not {chosen}; save the file as UTF-8, or name its encoding: --encoding cp1252"
        ) from None
    except LookupError:
        raise AccountError(f"unknown encoding {shown(chosen)}; known are for example utf-8, cp1252, utf-16") from None


def parse(text: str, domains: Collection[str] | None = None) -> ImportFile:
    """Reads the rows. With `domains`, addresses elsewhere are problems too."""
    reader = _Reader(domains)
    try:
        for line, cells in _rows(text):
            reader.take(line, cells)
    except _BrokenRow as error:
        reader.problems.append(error.problem)
    if not reader.columns and not reader.problems:
        reader.problems.append(
            Problem(0, "", "the file is empty; its first line names the columns: " + ",".join(COLUMNS[:4]))
        )
    elif not reader.problems and not reader.mailboxes and not reader.aliases:
        reader.problems.append(Problem(0, "", "no rows below the header"))
    return ImportFile(tuple(reader.mailboxes), tuple(reader.aliases), tuple(sorted(reader.problems)))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line that it begins on; a quoted line break makes a row longer than a line."""
    header = text.lstrip().partition("\n")[0]
    # Spreadsheets write `;` where the comma is the decimal mark.
    delimiter = max(",;\t", key=header.count)
    source = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in source:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = source.line_num + 1
    except csv.Error as error:
        raise _BrokenRow(begins, f"the quotes of the row that begins here do not fit ({error})") from None


class _Reader:
    def __init__(self, domains: Collection[str] | None) -> None:
        self.domains = domains
        self.columns: list[str] = []
        self.mailboxes: list[MailboxRow] = []
        self.aliases: list[AliasRow] = []
        self.problems: list[Problem] = []
        self.seen: dict[str, int] = {}
        self.alias_pairs: dict[tuple[str, str], int] = {}

    def take(self, line: int, cells: list[str]) -> None:
        if not self.columns:
            self._header(line, [cell.strip().lower() for cell in cells])
        elif "address" not in self.columns:
            return
        elif len(cells) > len(self.columns) and any(cell.strip() for cell in cells[len(self.columns) :]):
            self._problem(
                line,
                "",
                f"has {len(cells)} cells, the header {len(self.columns)}; put cells that hold a separator in quotes",
            )
        else:
            self._row(line, dict(zip(self.columns, cells, strict=False)))

    def _header(self, line: int, names: list[str]) -> None:
        self.columns = names
        for name in names:
            if name not in COLUMNS:
                self._problem(line, shown(name), f"unknown column; known are {', '.join(COLUMNS)}")
        for name in {name for name in names if names.count(name) > 1}:
            self._problem(line, shown(name), "the column is there twice")
        if "address" not in names:
            self._problem(line, "", "the column `address` is missing; the first line names the columns")

    def _row(self, line: int, row: dict[str, str]) -> None:
        # A password keeps its spaces; every other cell is trimmed.
        password = row.pop("password", "")
        cells = {name: cell.strip() for name, cell in row.items()}
        if cells.get("forward_to"):
            self._forward(line, password, cells)
        else:
            self._mailbox(line, password, cells)

    def _mailbox(self, line: int, password: str, cells: dict[str, str]) -> None:
        before = len(self.problems)
        address = self._address(line, "address", cells.get("address", ""), parse_mailbox_address)
        if address and address in self.seen:
            self._problem(line, "address", f"{address} is on line {self.seen[address]} already")
        elif address:
            self.seen[address] = line
        hashed = self._secret(line, password, cells.get("password_hash", ""))
        quota = self._quota(line, cells.get("quota_mib", ""))
        name = cells.get("name", "")
        if len(name) > 200 or not name.isprintable():
            self._problem(line, "name", "longer than 200 characters, or holds control characters")
        for alias in re.split(r"[\s;,]+", cells.get("aliases", "")):
            if alias and address:
                self._alias(line, "aliases", alias, address)
        if address and len(self.problems) == before:
            self.mailboxes.append(MailboxRow(line, address, None if hashed else password, hashed, quota, name))

    def _forward(self, line: int, password: str, cells: dict[str, str]) -> None:
        for column in ("password_hash", "quota_mib", "aliases"):
            if cells.get(column) or (column == "password_hash" and password):
                self._problem(
                    line, column, "a row with `forward_to` is an alias; it has no password, quota or aliases of its own"
                )
                return
        destinations = [one for one in re.split(r"[\s;,]+", cells["forward_to"]) if one]
        if not destinations:
            self._problem(line, "forward_to", "names no address")
        for destination in destinations:
            self._alias(line, "address", cells.get("address", ""), destination)

    def _alias(self, line: int, column: str, alias: str, destination: str) -> None:
        address = self._address(line, column, alias, parse_alias_address)
        target = self._address(line, "forward_to", destination, parse_address, foreign=True)
        if not address or not target:
            return
        if address == target:
            self._problem(line, column, f"{address} would be an alias for itself")
        elif (address, target) in self.alias_pairs:
            self._problem(
                line, column, f"{address} for {target} is on line {self.alias_pairs[address, target]} already"
            )
        else:
            self.alias_pairs[address, target] = line
            self.aliases.append(AliasRow(line, address, target))

    def _address(
        self, line: int, column: str, value: str, parser: Callable[[str], str], *, foreign: bool = False
    ) -> str | None:
        if not value:
            self._problem(line, column, "is empty")
            return None
        try:
            address = parser(value)
        except AccountError as error:
            self._problem(line, column, str(error))
            return None
        if not foreign and self.domains is not None and domain_of(address) not in self.domains:
            self._problem(
                line, column, f"{address}: its domain is not one of the tenant's ({', '.join(sorted(self.domains))})"
            )
            return None
        return address

    def _secret(self, line: int, password: str, hashed: str) -> str | None:
        if password and hashed:
            self._problem(line, "password", "both a password and a hash are given; leave one empty")
        elif hashed:
            try:
                return check_hash(hashed)
            except HashRefused as error:
                self._problem(line, "password_hash", str(error))
        elif password:
            try:
                check_password(password)
            except PasswordRefused as error:
                self._problem(line, "password", str(error))
        else:
            self._problem(line, "password", "is missing; give a password, a password_hash, or forward_to for an alias")
        return None

    def _quota(self, line: int, value: str) -> int | None:
        if not value:
            return None
        if not re.fullmatch(r"[0-9]{1,7}", value) or not 1 <= int(value) <= MAX_QUOTA_MIB:
            self._problem(
                line,
                "quota_mib",
                f"must be a whole number of MiB from 1 to {MAX_QUOTA_MIB}, or empty for the tenant's default",
            )
            return None
        return int(value)

    def _problem(self, line: int, column: str, message: str) -> None:
        self.problems.append(Problem(line, column, message))
