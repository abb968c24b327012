"""Mailboxes from any IMAP server, for customers who do not come from the shared host.

`doveadm sync -1 -R … imapc:` with a master user. UIDs and UIDVALIDITY of a foreign server are kept where it lets
Dovecot see them (another Dovecot does), else mail programs load everything again: the report warns, mailbox by mailbox.
GUIDs are other ones than by dsync, so a migration that began this way goes on and ends this way. A pass that was cut
off is run again: dsync knows by UIDs and GUIDs what is there already. Mail from before the first pass stops a mailbox.
"""

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mailtenant.mailbox_copy.imap import quoted, unquoted
from mailtenant.mailbox_copy.one_pass import Alarm, SourceShrank
from mailtenant.mailbox_copy.session import imap_session
from mailtenant.mailbox_copy.sync import imapc, sync
from mailtenant.migration.sides import Direction, PassProgress, SideError
from mailtenant.runner import HostGone
from mailtenant.tenant_side import TenantMail

SECONDS: Final = 4 * 3600.0
_LISTED: Final = re.compile(rb'\(([^)]*)\) (?:"((?:[^"\\]|\\.)*)"|NIL) (.*)', re.DOTALL)
Counts = Mapping[str, tuple[int, int]]
"""Folder, with `/` between levels → (messages, UIDVALIDITY)."""


@dataclass(frozen=True)
class ImapSource:
    """993 of a foreign server; `master` may log in as anybody: as `address*master`, Dovecot's and others' way."""

    host: str
    master: str
    password: str = field(repr=False)
    port: int = 993
    ca: str = field(default="", repr=False)

    def counts(self, address: str) -> Counts:
        """What the mailbox holds now. Raises: SideError"""
        context = ssl.create_default_context(cadata=self.ca or None)
        try:
            with imaplib.IMAP4_SSL(self.host, self.port, ssl_context=context, timeout=60) as client:
                client.login(f"{address}*{self.master}", self.password)
                return {path: _status(client, name) for name, path in _folders(client)}
        except UnicodeError:
            raise SideError(f"{self.host}: the master user's name or password is not ASCII") from None
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
    """One pass, a mailbox at a time: a foreign server's limits are not ours to test. Raises: HostGone, SourceShrank"""
    done: list[ImapMailbox] = []
    for address in addresses:
        done.append(_one(tenant, source, address, seconds))
        advance(PassProgress(len(done), len(addresses), sum(mailbox.messages for mailbox in done), 0))
    return done


def _one(tenant: TenantMail, source: ImapSource, address: str, seconds: float) -> ImapMailbox:
    try:
        before = source.counts(address)
        if errors := strangers(before, _here(tenant, address)):
            return ImapMailbox(address, 0, errors=errors)
        transport = imapc(source.host, source.port, source.master, source.password, source.ca)
        failure = sync(tenant.imap, transport, Direction.TO_TENANT, address, seconds)
        if failure:
            return ImapMailbox(address, 0, errors=(failure,))
        after = source.counts(address)
        here = _here(tenant, address)
    except HostGone:
        raise
    except SideError as error:
        return ImapMailbox(address, 0, errors=(str(error),))
    lost, messages = total(before) - total(after), total(after)
    if Alarm().rings(lost, total(before), frozen=False):
        raise SourceShrank(
            f"{address}: {lost} of {total(before)} messages went missing on {source.host} during the pass"
        )
    warnings, errors = compare_counts(certain(before, after), here)
    return ImapMailbox(address, messages, warnings, errors)


def _here(tenant: TenantMail, address: str) -> Counts:
    with imap_session(tenant.imap, address) as session:
        return {folder.path: (folder.messages, folder.uidvalidity) for folder in session.folders()}


def total(counts: Counts) -> int:
    """Messages in all folders."""
    return sum(messages for messages, _ in counts.values())


def certain(before: Counts, after: Counts) -> Counts:
    """What a live source must have given: people go on filing and deleting while a pass runs. Pure."""
    return {
        folder: (min(messages, after[folder][0]), after[folder][1])
        for folder, (messages, _) in before.items()
        if folder in after
    }


def strangers(there: Counts, here: Counts) -> tuple[str, ...]:
    """Folders here with mail that no copy has brought, by their UIDVALIDITY, which a copy takes over. dsync leaves out
    what clashes with such mail, and brings it a second time where a source's UIDs began anew. Pure.
    """
    return tuple(
        f"{folder}: holds {messages} messages that no copy of it has brought; empty it, or move them away first"
        for folder, (messages, uidvalidity) in sorted(here.items())
        if messages and folder in there and there[folder][1] != uidvalidity
    )


def compare_counts(there: Counts, here: Counts) -> tuple[tuple[str, ...], tuple[str, ...]]:
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


def _folders(client: imaplib.IMAP4) -> Iterator[tuple[bytes, str]]:
    """(as the server spells it, with `/` between levels) of each folder that can be opened"""
    for line in _answer(client.list()):
        # A name with a quote or backslash may come as a literal: the line up to it, and the name.
        head, literal = line if isinstance(line, tuple) else (line, None)
        found = _LISTED.match(head)
        if found is None or {b"\\noselect", b"\\nonexistent"} & set(found[1].lower().split()):
            continue
        name = unquoted(found[3]) if literal is None else literal
        delimiter = unquoted(b'"%s"' % (found[2] or b"")).decode()
        path = name.decode("utf-8", "replace")
        yield name, path.replace(delimiter, "/") if delimiter else path


def _status(client: imaplib.IMAP4, name: bytes) -> tuple[int, int]:
    lines = _answer(client.status(quoted(name), "(MESSAGES UIDVALIDITY)"))  # type: ignore[arg-type]
    words = b"".join(part[1] if isinstance(part, tuple) else part for part in lines).rpartition(b"(")[2]
    pairs = words.strip().rstrip(b")").split()
    values = dict(zip((word.upper() for word in pairs[::2]), map(int, pairs[1::2]), strict=True))
    return values[b"MESSAGES"], values[b"UIDVALIDITY"]


def _answer(answer: tuple[str, list[Any]]) -> list[Any]:
    """The lines. Raises: imaplib.IMAP4.error, with the server's words"""
    kind, lines = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(f"{kind} {lines[-1]!r:.200}")
    return [line for line in lines if line]
