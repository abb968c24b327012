"""Mailboxes from any IMAP server, for customers who do not come from the shared host.

`doveadm sync -1 -R … imapc:` with a master user. UIDs and UIDVALIDITY of a foreign server are kept where it lets
Dovecot see them (another Dovecot does), else mail programs load everything again: the report warns, mailbox by mailbox.
GUIDs are other ones than by dsync, so a migration that began this way goes on and ends this way.
"""

import imaplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mailtenant.mailbox_copy.session import imap_session
from mailtenant.mailbox_copy.sync import prepare_imapc, sync
from mailtenant.migration.sides import Direction, PassProgress, SideError
from mailtenant.runner import HostGone
from mailtenant.tenant_side import TenantMail

SECONDS: Final = 4 * 3600.0


@dataclass(frozen=True)
class ImapSource:
    """993 of a foreign server; `master` may log in as anybody: as `address*master`, Dovecot's and others' way."""

    host: str
    master: str
    password: str = field(repr=False)
    port: int = 993
    ca: str = field(default="", repr=False)

    def counts(self, address: str) -> dict[str, tuple[int, int]]:
        """Folder, with `/` between levels → (messages, UIDVALIDITY). Raises: SideError"""
        context = ssl.create_default_context(cadata=self.ca or None)
        try:
            with imaplib.IMAP4_SSL(self.host, self.port, ssl_context=context, timeout=60) as client:
                client.login(f"{address}*{self.master}", self.password)
                return {path: _status(client, name) for name, path in _folders(client)}
        except (OSError, imaplib.IMAP4.error) as error:
            raise SideError(f"{self.host}: {address}: {type(error).__name__}: {error}") from None


@dataclass(frozen=True)
class ImapMailbox:
    """One mailbox after a pass. `warnings`: what clients will notice; `errors`: what stopped it."""

    address: str
    messages: int
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def copy_from_imap(
    tenant: TenantMail,
    source: ImapSource,
    addresses: Sequence[str],
    advance: Callable[[PassProgress], None] = lambda _: None,
    seconds: float = SECONDS,
) -> list[ImapMailbox]:
    """One pass, a mailbox at a time: a foreign server's limits are not ours to test. Raises: HostGone"""
    done: list[ImapMailbox] = []
    for address in addresses:
        done.append(_one(tenant, source, address, seconds))
        advance(PassProgress(len(done), len(addresses), sum(mailbox.messages for mailbox in done), 0))
    return done


def _one(tenant: TenantMail, source: ImapSource, address: str, seconds: float) -> ImapMailbox:
    try:
        transport = prepare_imapc(tenant.imap, source.host, source.port, source.master, source.password, source.ca)
        failure = sync(tenant.imap, transport, Direction.TO_TENANT, address, seconds)
        if failure:
            return ImapMailbox(address, 0, errors=(failure,))
        there = source.counts(address)
        with imap_session(tenant.imap, address) as session:
            here = {folder.path: (folder.messages, folder.uidvalidity) for folder in session.folders()}
    except HostGone:
        raise
    except SideError as error:
        return ImapMailbox(address, 0, errors=(str(error),))
    warnings, errors = compare_counts(there, here)
    return ImapMailbox(address, sum(messages for messages, _ in there.values()), warnings, errors)


def compare_counts(
    there: dict[str, tuple[int, int]], here: dict[str, tuple[int, int]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(warnings, errors) by folder, in order of their names. Pure."""
    warnings, errors = [], []
    for folder, (messages, uidvalidity) in sorted(there.items()):
        mine = here.get(folder)
        if mine is None:
            errors.append(f"{folder}: is missing here")
        elif mine[0] < messages:
            errors.append(f"{folder}: {messages} messages there, {mine[0]} here")
        elif mine[1] != uidvalidity:
            warnings.append(f"{folder}: UIDs are new here; mail programs will load it again")
    return tuple(warnings), tuple(errors)


def _folders(client: imaplib.IMAP4) -> list[tuple[str, str]]:
    """(as the server spells it, with `/` between levels)"""
    found = []
    for line in client.list()[1]:
        if isinstance(line, bytes) and b"\\noselect" not in line.lower():
            _, _, rest = line.partition(b") ")
            delimiter, _, name = rest.partition(b" ")
            text = name.decode().strip('"')
            mark = delimiter.decode().strip('"')
            found.append((text, text.replace(mark, "/") if mark != "NIL" else text))
    return found


def _status(client: imaplib.IMAP4, name: str) -> tuple[int, int]:
    line = client.status(f'"{name}"', "(MESSAGES UIDVALIDITY)")[1][0]
    words = (line or b"").rpartition(b"(")[2].rstrip(b")").split()
    values = dict(zip(words[::2], (int(word) for word in words[1::2]), strict=True))
    return values[b"MESSAGES"], values[b"UIDVALIDITY"]
