"""The mail of one mailbox on the tenant's volume: where it lies, ending its sessions, deleting it for good."""

from typing import Final

from mailtenant.accounts.address import parse_mailbox_address
from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.errors import AccountError

ROOT: Final = "/var/vmail"
_VMAIL: Final = "5000:5000"


def mail_folder(address: str) -> str:
    """The mailbox's folder inside the imap container. Only a valid address makes one, so it never leads elsewhere."""
    if parse_mailbox_address(address) != address:
        raise AccountError("not an address in its stored form")
    local, _, domain = address.partition("@")
    return f"{ROOT}/{domain}/{local}"


def end_sessions(engine: TenantEngine, address: str) -> None:
    """Ends what is logged in now. Whoever may still log in comes back.

    Raises: AccountsUnavailable, if the imap container is not running (then nothing is logged in).
    """
    engine.run("imap", ["doveadm", "kick", address], user="0:0")


def has_mail(engine: TenantEngine, address: str) -> bool:
    """Whether an earlier mailbox of this address left mail on the volume."""
    return (
        engine.run(
            "imap", ["find", ROOT, "-maxdepth", "2", "-path", _literal(mail_folder(address))], user=_VMAIL
        ).strip()
        != ""
    )


def delete_mail(engine: TenantEngine, address: str) -> None:
    """Deletes the mailbox's folder with all its mail. There is no undo."""
    engine.run("imap", ["rm", "-rf", "--one-file-system", "--", mail_folder(address)], user=_VMAIL)


def mail_in_use(engine: TenantEngine) -> dict[str, int]:
    """Mailbox → octets of its mail, as Dovecot counts them for the quota.

    Raises: AccountsUnavailable, if the imap container is not running.
    """
    lines = engine.run("imap", ["doveadm", "-f", "tab", "quota", "get", "-A"], user="0:0").splitlines()
    used: dict[str, int] = {}
    for line in lines[1:]:
        # username, quota name, type, value, limit, percentage
        columns = line.split("\t")
        if len(columns) >= 4 and columns[2] == "STORAGE" and columns[3].isdigit():
            used[columns[0]] = int(columns[3]) * 1024
    return used


def _literal(path: str) -> str:
    """For `find -path`, which takes patterns. Valid addresses hold no such sign, but that is another file's rule."""
    return "".join(f"\\{character}" if character in "*?[]\\" else character for character in path)
