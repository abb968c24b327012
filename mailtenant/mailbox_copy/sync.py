"""One pass of `doveadm sync -1` over one mailbox, run in the tenant's imap container.

Never `doveadm backup`, never a two-way `sync`: both can empty a mailbox that is not as they expect it (measured; see
docs/decisions/0015). One transport, dsync over TLS, for the whole migration: another one gives other GUIDs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mailtenant.migration.sides import Direction, SideError
from mailtenant.runner import Done, Runner
from mailtenant.shared_host.host import CopyAccess

FOLDER: Final = "/run/mailtenant-copy"
_AGAIN: Final = 2
"""doveadm-sync(1): done without errors, but not all changes could be done; "running dsync again usually helps"."""
STALLED: Final = 45
"""Seconds without a word from the other side. The two ends of a dsync can come to wait for each other for good (seen
once in some two hundred passes, both in epoll_wait); doveadm's own limit of 600 s would be longer than a freeze may
last. Run again, the pass goes through."""
_STALL: Final = "has stalled"
_ATTEMPTS: Final = 3
_WITH_FILES: Final = r"""
# FOLDER OCTETS WORD…   ca.pem (so many octets) and dovecot.conf by stdin, then the command in our place
set -eu
umask 077
folder=$1 octets=$2
shift 2
mkdir -p "$folder"
# Passes over several mailboxes write the same at the same time: each beside, then renamed.
head -c "$octets" >"$folder/.ca.$$"
cat >"$folder/.conf.$$"
mv -f "$folder/.ca.$$" "$folder/ca.pem"
mv -f "$folder/.conf.$$" "$folder/dovecot.conf"
exec "$@"
"""
CONFIG: Final = f"{FOLDER}/dovecot.conf"


@dataclass(frozen=True)
class Transport:
    """How the tenant's doveadm is told where the other side is: its configuration, the CA's certificate that it trusts
    (empty: the image's authorities), and the location for `sync`."""

    location: str
    ca: str = field(repr=False)
    config: str = field(repr=False)

    def run(self, imap: Runner, command: Sequence[str], seconds: float) -> Done:
        """A command there that finds the files in place: in the container's memory (`/run` is a tmpfs), readable by
        root only. They go with the command, since a `docker exec` of their own would cost as much as the look at a
        thousand messages. Raises: HostGone, SideError
        """
        ca = self.ca.encode()
        words = ["sh", "-c", _WITH_FILES, "sh", FOLDER, str(len(ca)), *command]
        return imap.run(words, stdin=ca + self.config.encode(), seconds=seconds)


def dsync(access: CopyAccess) -> Transport:
    """To the shared host's copy instance."""
    settings = [
        f'doveadm_password = "{access.password}"',
        f"ssl_client_ca_file = {FOLDER}/ca.pem",
        "ssl_client_require_valid_cert = yes",
    ]
    return Transport(f"tcps:{access.host}:{access.port}", access.ca, _config(settings))


def imapc(host: str, port: int, master: str, password: str, ca: str) -> Transport:
    """To a foreign IMAP server with a master user. `ca` empty: the authorities that the image trusts.

    Raises: SideError
    """
    if any(sign in f"{host}{master}{password}" for sign in '"\\\r\n'):
        raise SideError("the source's host, master user or password holds a quote, backslash or line break")
    settings = [
        f"imapc_host = {host}",
        f"imapc_port = {port}",
        "imapc_ssl = imaps",
        f'imapc_user = "%{{user}}*{master}"',
        f'imapc_password = "{password}"',
        f"ssl_client_ca_file = {FOLDER}/ca.pem" if ca else "ssl_client_ca_dir = /etc/ssl/certs",
        "ssl_client_require_valid_cert = yes",
    ]
    return Transport("imapc:", ca, _config(settings))


def _config(settings: Sequence[str]) -> str:
    lines = [
        "dovecot_config_version = 2.4.1",
        "dovecot_storage_version = 2.4.1",
        "!include /etc/dovecot/dovecot.conf",
        # A full mailbox arrives whole: quotas count, but do not refuse, while mail is copied.
        "quota_enforce = no",
        *settings,
    ]
    return "\n".join(lines) + "\n"


def sync(imap: Runner, transport: Transport, direction: Direction, address: str, seconds: float) -> str | None:
    """What stopped the pass, or None. Ended from within the container after `seconds`, so nothing is left running.

    Raises: HostGone
    """
    # One dsync a mailbox at a time, also with one that a killed worker left behind.
    command = ["timeout", "-k", "10", f"{seconds:.0f}", "doveadm", "-c", CONFIG, "sync", "-1", "-l", "60"]
    command += ["-T", str(STALLED)]
    command += ["-R"] if direction is Direction.TO_TENANT else []
    command += ["-u", address, transport.location]
    for _ in range(_ATTEMPTS):
        try:
            done = transport.run(imap, command, seconds + 60)
        except SideError as error:
            if type(error) is SideError:
                return str(error)
            raise
        if done.code != _AGAIN and _STALL not in done.errors:
            break
    return None if done.code == 0 else _complaint(done, seconds)


def _complaint(done: Done, seconds: float) -> str:
    """In the words of the first error: those that follow are its consequences."""
    if done.code == 124:
        return f"doveadm sync did not end within {seconds:.0f} s"
    lines = [line for line in done.errors.splitlines() if "Error:" in line or "Fatal:" in line]
    return f"doveadm sync ended with {done.code}: {(lines or [done.last_words()])[0].strip()[:400]}"
