"""Mailboxes of a customer that has not moved, made, changed and removed on the shared host.

The host's tables belong to the hosting company's own tools, too: each file is read, edited here, and written only if
it is still the one that was read. Every operation may be repeated; the next call finishes what a crash left half done.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from mailtenant.accounts.address import domain_of, parse_mailbox_address
from mailtenant.accounts.errors import AccountError
from mailtenant.migration.sides import SideError
from mailtenant.runner import Runner, checked
from mailtenant.shared_host import tables
from mailtenant.shared_host.paths import HostPaths
from mailtenant.shared_host.script import APPLY, DELETE_MAIL, REPLACE

_ANOTHER: Final = 76
_TRIES: Final = 5


@dataclass(frozen=True)
class SharedMailboxes:
    """`domains`: all of the customer's. Raises everywhere: SideError; AccountError, for what the customer can mend."""

    runner: Runner
    domains: tuple[str, ...]
    paths: HostPaths = field(default_factory=HostPaths)

    def names(self) -> dict[str, str]:
        """Address → the person's name."""
        return {address: name for domain in self.domains for address, name in (self._users(domain) or {}).items()}

    def add(self, address: str, name: str, password_hash: str) -> None:
        """Works for login as soon as this returns, for mail a moment later, when Postfix has reloaded. One that
        is there gets the password.
        """
        self._own(address)
        self._verifiable(password_hash)
        if tables.keys(self._read(self.paths.aliases)).get(address, [address]) != [address]:
            raise AccountError("an alias of that address exists already; ask support to take it away first")
        # Mail is taken last: until then nothing could be delivered.
        self._edit(self._users_file(address), partial(tables.with_user, address=address, password_hash=password_hash,
                                                      name=name))  # fmt: skip
        self._edit(self.paths.logins, partial(tables.with_key, key=address, value=address))
        # Its own destination, or a catch-all would take its mail.
        self._edit(self.paths.aliases, partial(tables.with_key, key=address, value=address))
        self._edit(self.paths.mailboxes, partial(tables.with_key, key=address, value="x"))
        self._apply(address)

    def set_password(self, address: str, password_hash: str) -> None:
        """Holds from the next login on; sessions that were opened with the old one end."""
        self._own(address)
        self._verifiable(password_hash)
        if address not in (self._users(domain_of(address)) or {}):
            raise AccountError(f"there is no mailbox {address}")
        self._edit(self._users_file(address), partial(tables.with_password, address=address,
                                                      password_hash=password_hash))  # fmt: skip
        self._apply(address)

    def remove(self, address: str, *, delete_mail: bool) -> None:
        """With the aliases of the customer that lead to it. Its mail stays, unless `delete_mail`."""
        self._own(address)
        self._edit(self.paths.mailboxes, partial(tables.without_key, key=address))
        for path in (self.paths.aliases, self.paths.logins):
            self._edit(path, partial(tables.without_value, value=address, domains=self.domains))
        self._apply(address)
        if delete_mail and address in (self._users(domain_of(address)) or {}):
            # Dovecot says where the mail is only as long as it knows the user.
            checked(self.runner, ["sh", "-c", DELETE_MAIL, "sh", address])
        self._edit(self._users_file(address), partial(tables.without_user, address=address))
        self._apply(address)

    def _own(self, address: str) -> None:
        if parse_mailbox_address(address) != address or domain_of(address) not in self.domains:
            raise AccountError("its domain is not one of yours on the shared platform")
        if self._users(domain_of(address)) is None:
            raise AccountError("its domain is not served by the shared platform yet; ask support")

    def _verifiable(self, password_hash: str) -> None:
        """An old host's Dovecot may not know a newer scheme."""
        scheme = password_hash.partition("}")[0].removeprefix("{").partition(".")[0].upper()
        if scheme not in checked(self.runner, ["doveadm", "pw", "-l"]).upper().split():
            raise SideError(f"{self.runner.name}: its Dovecot cannot verify {scheme}; see `doveadm pw -l` there")

    def _users_file(self, address: str) -> str:
        return self.paths.users_of(domain_of(address))

    def _users(self, domain: str) -> dict[str, str] | None:
        """None: the host does not serve the domain."""
        path = self.paths.users_of(domain)
        if self.runner.run(["test", "-e", path]).code == 1:
            return None
        return tables.user_names(self._read(path))

    def _read(self, path: str) -> str:
        return checked(self.runner, ["cat", "--", path])

    def _edit(self, path: str, change: Callable[[str], str]) -> None:
        for _ in range(_TRIES):
            before = self.runner.run(["cat", "--", path])
            if before.code:
                raise SideError(f"{self.runner.name}: {path} cannot be read: {before.last_words()}")
            after = change(before.output.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
            if after == before.output:
                return
            sums: Sequence[str] = [hashlib.sha256(text).hexdigest() for text in (before.output, after)]
            command = ["sh", "-c", REPLACE, "sh", self.paths.move, path, *sums]
            done = self.runner.run(command, stdin=after)
            if done.code == 0:
                return
            if done.code != _ANOTHER:
                raise SideError(f"{self.runner.name}: {path} was not written: {done.last_words()}")
        raise SideError(f"{self.runner.name}: {path} is changed by others all the time; try again later")

    def _apply(self, address: str) -> None:
        checked(self.runner, ["sh", "-c", APPLY, "sh", address])
