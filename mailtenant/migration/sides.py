"""What a migration asks of the two mail systems, for one customer: the seam between the workflow, which decides when,
and the adapters, which know how. Every operation may be called again after a crash: a second call finds its work done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mailtenant.accounts.model import Alias, StoredMailbox
from mailtenant.migration.evidence import CopyReport, FolderFacts


class SideError(RuntimeError):
    """A mail system did not do what was asked; the message says which, why, and the fix. Nothing secret is in it."""


@dataclass(frozen=True)
class CustomerAccounts:
    """All accounts of the customer on one side; hashes as they are stored there."""

    mailboxes: tuple[StoredMailbox, ...]
    aliases: tuple[Alias, ...]


@dataclass(frozen=True)
class Activity:
    """What still goes on for the customer: logged-in sessions, deliveries under way, mails held in the queue."""

    sessions: int
    deliveries: int
    held: int

    @property
    def quiet(self) -> bool:
        """Nothing can change a mailbox any more."""
        return not self.sessions and not self.deliveries


class MailSide(Protocol):
    """One mail system, as far as it concerns one customer."""

    def accounts(self) -> CustomerAccounts:
        """Raises: SideError"""

    def freeze(self) -> None:
        """Outside senders get 4xx, mail from within is held in the queue, logins are denied, sessions are ended.

        Other customers notice nothing. Raises: SideError
        """

    def thaw(self) -> None:
        """As before the freeze; held mail is delivered here. Raises: SideError"""

    def relay(self, host: str) -> None:
        """All mail for the customer, the held one too, goes on to `host`; logins stay denied. Raises: SideError"""

    def activity(self) -> Activity:
        """Raises: SideError"""

    def admitted(self) -> Sequence[str]:
        """Whose logins are still judged by their password, as `imap @acme.test`; none: all are told "not now".

        Asked of the server as a login asks it, with a password that nobody has. Raises: SideError
        """


class TenantSide(MailSide, Protocol):
    """The customer's own mail system."""

    def import_accounts(self, accounts: CustomerAccounts) -> None:
        """Makes what is missing, hashes as they are. Raises: SideError naming every account that does not fit."""


class Direction(StrEnum):
    """Which way a pass copies."""

    TO_TENANT = "to_tenant"
    TO_SHARED = "to_shared"


@dataclass(frozen=True)
class PassProgress:
    """How far a pass is."""

    mailboxes: int
    mailboxes_total: int
    messages: int
    octets: int


class Copier(Protocol):
    """Copies the customer's mailboxes from one side to the other by `doveadm sync -1`: what either side got since the
    last pass survives on the side that is copied to."""

    def run(
        self,
        direction: Direction,
        addresses: Sequence[str],
        advance: Callable[[PassProgress], None] = lambda _: None,
    ) -> CopyReport:
        """One pass over the mailboxes, several at a time, then both sides compared folder by folder.

        A mailbox that fails is in the report with its errors; the others go on. Raises: SideError if a side is gone.
        """

    def holds(self, direction: Direction, addresses: Sequence[str]) -> Mapping[str, Mapping[str, FolderFacts]]:
        """Address → folder → what the side that is copied from in this direction holds now; nothing is copied.

        Raises: SideError
        """

    def late(self, direction: Direction, addresses: Sequence[str]) -> CopyReport:
        """A pass that brings what came after the last one onto a side that is in use again, whose filters stay as its
        people have them now. The two sides need not be equal afterwards. Raises: SideError if a side is gone.
        """
