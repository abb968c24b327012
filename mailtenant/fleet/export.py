"""Everything that a customer takes along, as files: mail (one tar of a Maildir a mailbox), accounts, records.

Repeatable: a mailbox's archive is put in place when it is whole, and is not made again.
"""

import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailtenant.accounts.csv_export import accounts_csv, write_private
from mailtenant.accounts.engine import TenantEngine, explain_complaint
from mailtenant.accounts.errors import AccountError, AccountsUnavailable
from mailtenant.accounts.mail_store import has_mail, mail_folder
from mailtenant.accounts.store import AccountStore
from mailtenant.dns import record_lines, records
from mailtenant.settings.stackfile import StackFile

LIST: Final = "export.json"
"""What was exported, when all of it was."""
_OF: Final = "export-of.json"
_VMAIL = "5000:5000"


@dataclass(frozen=True)
class Exported:
    """A file of the export: its name in the folder, octets, SHA-256."""

    file: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Earlier:
    """What a folder holds of a tenant's export. `files` None: not all of it. `closed`: no mail came in since."""

    files: list[Exported] | None
    closed: bool


def earlier_export(folder: Path, label: str) -> Earlier:
    """Raises: AccountError, if the folder holds another export: no tenant may be removed for the export of another."""
    note, done = folder / _OF, folder / LIST
    if not note.is_file():
        if any((folder / name).exists() for name in (LIST, "mail", "accounts.csv", "records.zone")):
            raise AccountError(f"{folder} holds an export, but not one known to be of {label}; name another folder")
        return Earlier(None, closed=False)
    noted = json.loads(note.read_text(encoding="utf-8"))
    if noted["label"] != label:
        raise AccountError(f"{folder} holds the export of {noted['label']}, not of {label}; name another folder")
    files = [Exported(**one) for one in json.loads(done.read_text(encoding="utf-8"))] if done.is_file() else None
    return Earlier(files, bool(noted["closed"]))


def begin_export(folder: Path, label: str) -> None:
    """Makes it this tenant's folder, and drops what an earlier export of it left: mail may have come in since."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    note_export(folder, label, closed=False)
    for path in (folder / LIST, folder / "accounts.csv", *sorted((folder / "mail").glob("*.tar"))):
        path.unlink(missing_ok=True)


def note_export(folder: Path, label: str, *, closed: bool) -> None:
    """`closed`: no mail comes in any more, so that what is exported from now on stays true."""
    (folder / _OF).write_text(json.dumps({"label": label, "closed": closed}) + "\n", encoding="utf-8")


def export_all(stack_file: StackFile, folder: Path, progress: Callable[[str], None] = lambda _: None) -> list[Exported]:
    """Goes on with what `begin_export` began. Raises: AccountsUnavailable"""
    engine = TenantEngine.of(stack_file.settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The folder itself may be an older one that others can read.
    (folder / "mail").mkdir(exist_ok=True, mode=0o700)
    with AccountStore(engine) as store:
        boxes, aliases = store.export()
        addresses = [mailbox.address for mailbox in store.mailboxes()]
    if not (folder / "accounts.csv").exists():
        write_private(folder / "accounts.csv", accounts_csv(boxes, aliases))
    planned = records(stack_file.settings, stack_file.existing, stack_file.dns_phase)
    (folder / "records.zone").write_text("".join(f"{line}\n" for line in record_lines(planned)), encoding="utf-8")
    for i, address in enumerate(addresses, start=1):
        progress(f"mail {i} of {len(addresses)}: {address}")
        if has_mail(engine, address):
            _archive(engine, address, folder / "mail" / f"{address}.tar")
    return [_exported(folder, path) for path in sorted(folder.rglob("*")) if path.suffix in (".tar", ".csv", ".zone")]


def _archive(engine: TenantEngine, address: str, target: Path) -> None:
    if target.exists():
        return
    part = target.with_suffix(".part")
    name = engine.container("imap")
    command = ["docker", "exec", "-u", _VMAIL, name, "tar", "-C", mail_folder(address), "-cf", "-", "."]
    with open(part, "wb") as file:
        done = subprocess.run(
            command, env=dict(engine.environment), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE,
            check=False,
        )  # fmt: skip
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["tar failed"]
        raise AccountsUnavailable(explain_complaint(engine.label, name, said[-1]))
    part.replace(target)


def _exported(folder: Path, path: Path) -> Exported:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return Exported(str(path.relative_to(folder)), path.stat().st_size, digest.hexdigest())
