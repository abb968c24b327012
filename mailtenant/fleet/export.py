"""Everything that a customer takes along, as files: mail (one tar of a Maildir a mailbox), accounts, records.

Repeatable: a mailbox's archive is put in place when it is whole, and is not made again.
"""

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mailtenant.accounts.csv_export import accounts_csv, write_private
from mailtenant.accounts.engine import TenantEngine, explain_complaint
from mailtenant.accounts.errors import AccountsUnavailable
from mailtenant.accounts.mail_store import has_mail, mail_folder
from mailtenant.accounts.store import AccountStore
from mailtenant.dns import record_lines, records
from mailtenant.settings.stackfile import StackFile

_VMAIL = "5000:5000"


@dataclass(frozen=True)
class Exported:
    """A file of the export: its name in the folder, octets, SHA-256."""

    file: str
    size: int
    sha256: str


def export_all(stack_file: StackFile, folder: Path, progress: Callable[[str], None] = lambda _: None) -> list[Exported]:
    """Raises: AccountsUnavailable"""
    engine = TenantEngine.of(stack_file.settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "mail").mkdir(exist_ok=True)
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
