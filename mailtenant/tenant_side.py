"""The customer's own mail system as a side of a migration: accounts taken over, held, opened, relayed back.

The hold is two flags in the tenant's database (schema `008_hold.sql`): the daemons' questions then fail, which Postfix
and Dovecot answer with "not now". Nothing is restarted, and a restart changes nothing.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.errors import AccountError
from mailtenant.accounts.model import Alias, NewMailbox
from mailtenant.accounts.schemes import HashRefused, check_hash
from mailtenant.accounts.store import AccountStore
from mailtenant.logins import admitted
from mailtenant.migration.sides import Activity, CustomerAccounts, SideError
from mailtenant.runner import DockerRunner, checked
from mailtenant.shared_host.queue import queued
from mailtenant.waiting import until

QUIET_SECONDS: Final = 120.0
T = TypeVar("T")
_QUEUE: Final = "/var/spool/postfix/mailtenant"
_RELAY: Final = """
# DIR [LINE…]   the whole table, renamed into place; `reload` always, for a crash may have come between the two
set -eu
dir=$1
shift
for line; do printf '%s\\n' "$line"; done >"$dir/.transport.new"
chmod 0644 "$dir/.transport.new"
sync "$dir/.transport.new"
mv -f "$dir/.transport.new" "$dir/transport"
postfix reload 2>/dev/null || { echo "postfix reload failed: is Postfix running?" >&2; exit 75; }
"""
# Until Postfix's maps in memory are empty because of the hold (images/smtp/lookups). No maps, nothing to wait for;
# empty all the time means that the database's session does not live, and then they stay so.
_HEARD: Final = """
[ -e /run/lookups/state ] || exit 0
tries=0
while read -r state </run/lookups/state; [ "$state" != held ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ]; then
        [ "$state" != empty ] || exit 0
        echo "Postfix still answers from memory: is /usr/local/lib/mailtenant/lookups running?" >&2
        exit 75
    fi
    sleep 0.2
done
"""


@dataclass(frozen=True)
class TenantMail:
    """A `TenantSide`. `domains`: all of the customer's."""

    engine: TenantEngine
    domains: tuple[str, ...]
    seconds: float = QUIET_SECONDS
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    @property
    def imap(self) -> DockerRunner:
        return DockerRunner(self.engine.container("imap"), self.engine.environment)

    @property
    def smtp(self) -> DockerRunner:
        return DockerRunner(self.engine.container("smtp"), self.engine.environment)

    def accounts(self) -> CustomerAccounts:
        """Those that people made; the built-in ones stay behind. Raises: SideError"""
        mailboxes, aliases = self._store(lambda store: store.export())
        return CustomerAccounts(tuple(mailboxes), tuple(aliases))

    def import_accounts(self, accounts: CustomerAccounts) -> None:
        """As they are given, hashes untouched; a second call brings changed passwords and quotas. All or nothing.

        Raises: SideError naming every hash that Dovecot would not verify here, or the limit that does not hold.
        """
        refused = []
        for box in accounts.mailboxes:
            try:
                if box.password_hash is not None:
                    check_hash(box.password_hash)
            except HashRefused as error:
                refused.append(f"{box.address}: {error}")
        if refused:
            raise SideError(f"tenant {self.engine.label}: {'; '.join(refused)}")
        new = [NewMailbox(box.address, box.password_hash, box.quota_mib, box.name) for box in accounts.mailboxes]
        aliases = [Alias(alias.address, alias.destination) for alias in accounts.aliases if not alias.builtin]
        self._store(lambda store: store.take_over(new, aliases))

    def freeze(self) -> None:
        """451 on 25, 465 and 587, no logins, sessions ended; what is in the queue waits.

        Raises: SideError when sessions or deliveries do not end in time; the tenant is held all the same.
        """
        self._hold(mail=True, logins=True)
        last = Activity(0, 0, 0)

        def quiet() -> bool:
            nonlocal last
            if self._sessions()[0]:
                self._end_sessions()
            last = self.activity()
            return last.quiet

        if not until(quiet, self.seconds, self.clock):
            raise SideError(
                f"tenant {self.engine.label}: {last.sessions} sessions and {last.deliveries} deliveries did not end "
                f"within {self.seconds:.0f} s; see `doveadm who` in the imap container, then try again"
            )

    def thaw(self) -> None:
        """As before the freeze; what waited is delivered at once."""
        self._relay(())
        self._hold(mail=False, logins=False)
        self._flush()

    def relay(self, host: str) -> None:
        """All mail for the customer, the waiting too, goes on to `host`; logins stay denied."""
        if not host or any(sign.isspace() or sign in "[]:" for sign in host):
            raise SideError(f"tenant {self.engine.label}: not a host name to relay to")
        # The table first: opened the other way round, mail would be delivered here in between.
        self._relay([f"{domain} relay:[{host}]" for domain in self.domains])
        self._hold(mail=False, logins=True)
        self._flush()

    def activity(self) -> Activity:
        """Sessions as Dovecot counts them; deliveries by LMTP, and mail on its way to a mailbox; mail in the queue."""
        sessions, lmtp = self._sessions()
        messages = list(queued(checked(self.smtp, ["postqueue", "-j"]), self.domains))
        return Activity(sessions, lmtp + sum(1 for message in messages if message.under_way), len(messages))

    def admitted(self) -> list[str]:
        """Logins that are not denied, whatever the database says. Raises: SideError"""
        return admitted(self.imap, ("imap", "sieve"), self.domains)

    def frozen(self) -> bool:
        """Whether logins are held now."""
        return self._store(lambda store: store.held())[1]

    def _sessions(self) -> tuple[int, int]:
        text = checked(self.imap, ["doveadm", "-f", "tab", "who", "-1"])
        services = [line.split("\t")[1] for line in text.splitlines()[1:] if "\t" in line]
        return len(services) - services.count("lmtp"), services.count("lmtp")

    def _end_sessions(self) -> None:
        self.imap.run(["doveadm", "kick", "*"])  # Not zero where nobody is logged in.

    def _hold(self, *, mail: bool, logins: bool) -> None:
        self._store(lambda store: store.hold(mail=mail, logins=logins))
        if mail:
            checked(self.smtp, ["sh", "-c", _HEARD])
        # While the database "fails" Dovecot goes on with what it knew last: it must know nothing.
        checked(self.imap, ["doveadm", "auth", "cache", "flush"])

    def _relay(self, lines: Sequence[str]) -> None:
        checked(self.smtp, ["sh", "-c", _RELAY, "sh", _QUEUE, *lines])

    def _flush(self) -> None:
        checked(self.smtp, ["postqueue", "-f"])

    def _store(self, work: Callable[[AccountStore], T]) -> T:
        try:
            with AccountStore(self.engine) as store:
                return work(store)
        except AccountError as error:
            raise SideError(f"tenant {self.engine.label}: {error}") from None
