"""The accounts of one tenant, read and changed in its own database. Every method is one transaction."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Final, LiteralString, Self

import psycopg
from psycopg.rows import tuple_row

from mailtenant.accounts.alias_ways import AliasWays
from mailtenant.accounts.engine import TenantEngine, explain_complaint
from mailtenant.accounts.errors import AccountError, AccountsUnavailable, explain
from mailtenant.accounts.importing import Present
from mailtenant.accounts.model import MIB, Alias, DomainState, Mailbox, NewMailbox, Pause, StoredMailbox, Usage
from mailtenant.accounts.tunnel import PORT, Tunnel

_CONNECT_SECONDS: Final = 20
_MAILBOX_COLUMNS: Final = """
    m.address, m.name, m.quota_bytes, coalesce(m.quota_bytes, s.mailbox_quota_bytes), m.enabled, m.password IS NOT NULL,
    m.role, m.created_at
    FROM mail.mailboxes m CROSS JOIN mail.settings s"""


class AccountStore:
    """A connection to a running tenant's database, as role `mailadmin`.

    with AccountStore(TenantEngine.of(settings)) as store: store.add(…)
    """

    def __init__(self, engine: TenantEngine) -> None:
        self._engine = engine
        self._open = ExitStack()
        self._connection: psycopg.Connection[tuple[Any, ...]]

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            container = self._engine.container("database")
            tunnel = opening.enter_context(Tunnel(container, self._engine.environment))
            try:
                self._connection = psycopg.connect(
                    host=str(tunnel.folder),
                    port=PORT,
                    user="mailadmin",
                    dbname="mail",
                    connect_timeout=_CONNECT_SECONDS,
                    application_name="mailtenant",
                    client_encoding="UTF8",
                    # The tunnel is the protection; asking for more only costs round trips.
                    sslmode="disable",
                    gssencmode="disable",
                    autocommit=True,
                    row_factory=tuple_row,
                )
            except psycopg.OperationalError:
                complaint = tunnel.complaint()
                raise AccountsUnavailable(explain_complaint(self._engine.label, container, complaint)) from None
            opening.callback(self._connection.close)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def mailboxes(self) -> list[Mailbox]:
        """All of them, the built-in one included, by domain and name."""
        with self._transaction() as cursor:
            cursor.execute(f"SELECT {_MAILBOX_COLUMNS} ORDER BY m.domain, m.local_part")
            return [_mailbox(row) for row in cursor]

    def mailbox(self, address: str) -> Mailbox:
        """Raises: AccountError, if there is none."""
        with self._transaction() as cursor:
            row = cursor.execute(f"SELECT {_MAILBOX_COLUMNS} WHERE m.address = %s", (address,)).fetchone()
        if row is None:
            raise _no_mailbox(address)
        return _mailbox(row)

    def add(self, mailbox: NewMailbox) -> None:
        """Works for mail and login as soon as this returns."""
        with self._transaction() as cursor:
            _insert(cursor, [mailbox])

    def set_password(self, address: str, password_hash: str) -> None:
        """Holds from the next login on."""
        with self._transaction() as cursor:
            cursor.execute("UPDATE mail.mailboxes SET password = %s WHERE address = %s", (password_hash, address))
            _must_have_hit(cursor, address)

    def set_quota(self, address: str, quota_mib: int | None) -> None:
        """None: the tenant's default. Holds from the next delivery on."""
        with self._transaction() as cursor:
            cursor.execute(
                "UPDATE mail.mailboxes SET quota_bytes = %s WHERE address = %s", (_octets(quota_mib), address)
            )
            _must_have_hit(cursor, address)

    def set_enabled(self, addresses: Sequence[str], *, enabled: bool) -> list[str]:
        """Logins and sending of these mailboxes; mail is delivered either way. Gives those that were changed."""
        with self._transaction() as cursor:
            rows = cursor.execute(
                """UPDATE mail.mailboxes SET enabled = %s WHERE address = ANY(%s) AND enabled <> %s
                   RETURNING address""",
                (enabled, list(addresses), enabled),
            ).fetchall()
        return sorted(address for (address,) in rows)

    def remove(self, address: str) -> list[Alias]:
        """Takes out the mailbox and the aliases that lead to it; gives those back. Its mail is not touched."""
        with self._transaction() as cursor:
            cursor.execute("DELETE FROM mail.mailboxes WHERE address = %s", (address,))
            _must_have_hit(cursor, address)
            rows = cursor.execute(
                "DELETE FROM mail.aliases WHERE destination = %s RETURNING address, destination", (address,)
            ).fetchall()
        return [Alias(*row) for row in rows]

    def aliases(self) -> list[Alias]:
        """All of them, those that exist by themselves included."""
        with self._transaction() as cursor:
            cursor.execute(
                """SELECT address, destination, builtin FROM mail.all_aliases
                   ORDER BY split_part(address, '@', 2), address, destination"""
            )
            return [Alias(*row) for row in cursor]

    def add_alias(self, address: str, destinations: Sequence[str]) -> None:
        """Adds destinations to an alias, which is made if it is new.

        Raises: AccountError, with the chain if it would lead in a circle.
        """
        with self._transaction() as cursor:
            _check_ways(cursor, address, destinations)
            _insert_aliases(cursor, [Alias(address, destination) for destination in destinations])

    def remove_alias(self, address: str, destination: str | None = None) -> list[Alias]:
        """Removes one destination, or the whole alias.

        Raises: AccountError, if there is none, or if it is one that exists by itself.
        """
        with self._transaction() as cursor:
            rows = cursor.execute(
                """DELETE FROM mail.aliases WHERE address = %s AND destination = coalesce(%s, destination)
                   RETURNING address, destination""",
                (address, destination),
            ).fetchall()
            if not rows:
                builtin = cursor.execute("SELECT FROM mail.builtin_aliases WHERE address = %s", (address,)).fetchone()
                if builtin is not None:
                    raise AccountError(
                        f"{address} exists for every domain and cannot be removed; `alias add` sends its mail elsewhere"
                    )
                raise AccountError(
                    f"there is no alias {address}{f' for {destination}' if destination else ''}; see `alias list`"
                )
        return [Alias(*row) for row in rows]

    def usage(self) -> Usage:
        """What is in use, what is allowed, and the newest refusal."""
        with self._transaction() as cursor:
            return _usage(cursor)

    def pauses(self) -> list[Pause]:
        """Who may not send for now, the widest first."""
        with self._transaction() as cursor:
            cursor.execute("SELECT scope, name, reason, since FROM mail.pauses ORDER BY scope DESC, name")
            return [Pause(*row) for row in cursor]

    def pause(self, scope: str, name: str, reason: str) -> bool:
        """Whether it was not paused before. Holds within seconds."""
        with self._transaction() as cursor:
            cursor.execute(
                "INSERT INTO mail.pauses (scope, name, reason) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (scope, name, reason),
            )
            return cursor.rowcount == 1

    def resume(self, scope: str, name: str) -> bool:
        """Whether it was paused."""
        with self._transaction() as cursor:
            cursor.execute("DELETE FROM mail.pauses WHERE scope = %s AND name = %s", (scope, name))
            return cursor.rowcount == 1

    def present(self) -> Present:
        """What an import is checked against."""
        with self._transaction() as cursor:
            usage = _usage(cursor)
            boxes = cursor.execute("SELECT address, role FROM mail.mailboxes").fetchall()
            aliases = cursor.execute("SELECT address, destination FROM mail.aliases").fetchall()
        return Present(
            frozenset(address for address, role in boxes if not role),
            frozenset(address for address, role in boxes if role),
            frozenset((address, destination) for address, destination in aliases),
            usage,
        )

    def import_all(self, mailboxes: Sequence[NewMailbox], aliases: Sequence[Alias]) -> None:
        """Everything or nothing, in one transaction."""
        with self._transaction() as cursor:
            _insert(cursor, mailboxes)
            _insert_aliases(cursor, aliases)

    def export(self) -> tuple[list[StoredMailbox], list[Alias]]:
        """Mailboxes with their hashes and aliases, as they were at one moment. The built-in mailbox stays behind."""
        with self._transaction() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            boxes = cursor.execute(
                """SELECT address, password, quota_bytes, name FROM mail.mailboxes
                   WHERE NOT role ORDER BY domain, local_part"""
            ).fetchall()
            aliases = cursor.execute(
                "SELECT address, destination FROM mail.aliases ORDER BY domain, address, destination"
            ).fetchall()
        return [StoredMailbox(a, p, _mib(q), n) for a, p, q, n in boxes], [Alias(*row) for row in aliases]

    def take_over(self, mailboxes: Sequence[NewMailbox], aliases: Sequence[Alias]) -> None:
        """Everything as given, in one transaction: what is missing is made, what is there gets hash, quota and name.

        The built-in postmaster mailbox only takes the hash. Mailboxes and aliases that are not named stay as they are.
        """
        with self._transaction() as cursor:
            columns = (
                [box.address for box in mailboxes],
                [box.password_hash for box in mailboxes],
                [_octets(box.quota_mib) for box in mailboxes],
                [box.name for box in mailboxes],
            )
            cursor.execute(
                """INSERT INTO mail.mailboxes AS m (address, password, quota_bytes, name)
                   SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[])
                   ON CONFLICT (address) DO UPDATE SET
                       password = excluded.password,
                       quota_bytes = CASE WHEN m.role THEN m.quota_bytes ELSE excluded.quota_bytes END,
                       name = CASE WHEN m.role THEN m.name ELSE excluded.name END""",
                columns,
            )
            cursor.execute(
                """INSERT INTO mail.aliases (address, destination) SELECT * FROM unnest(%s::text[], %s::text[])
                   ON CONFLICT DO NOTHING""",
                ([alias.address for alias in aliases], [alias.destination for alias in aliases]),
            )

    def hold(self, *, mail: bool, logins: bool) -> None:
        """What the daemons are told "not now" about, from their next question on, over every restart."""
        with self._transaction() as cursor:
            cursor.execute("UPDATE mail.hold SET mail = %s, logins = %s", (mail, logins))

    def held(self) -> tuple[bool, bool]:
        """(mail, logins)"""
        with self._transaction() as cursor:
            row = cursor.execute("SELECT mail, logins FROM mail.hold").fetchone()
        return (False, False) if row is None else (row[0], row[1])

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                yield cursor
        except psycopg.Error as error:
            raise explain(error) from None


def _insert(cursor: psycopg.Cursor[tuple[Any, ...]], mailboxes: Sequence[NewMailbox]) -> None:
    # One statement, so that the capacity is counted once and not for each row.
    cursor.execute(
        """INSERT INTO mail.mailboxes (address, password, quota_bytes, name)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[])""",
        (
            [box.address for box in mailboxes],
            [box.password_hash for box in mailboxes],
            [_octets(box.quota_mib) for box in mailboxes],
            [box.name for box in mailboxes],
        ),
    )


def _insert_aliases(cursor: psycopg.Cursor[tuple[Any, ...]], aliases: Sequence[Alias]) -> None:
    cursor.execute(
        "INSERT INTO mail.aliases (address, destination) SELECT * FROM unnest(%s::text[], %s::text[])",
        ([alias.address for alias in aliases], [alias.destination for alias in aliases]),
    )


def _check_ways(cursor: psycopg.Cursor[tuple[Any, ...]], address: str, destinations: Sequence[str]) -> None:
    """Here for its words: the database has the last word on circles. Raises: AccountError"""
    known = cursor.execute("SELECT address, destination, builtin FROM mail.all_aliases").fetchall()
    boxes = cursor.execute("SELECT address FROM mail.mailboxes").fetchall()
    # An own alias takes the place of one that exists by itself.
    others = [(alias, destination) for alias, destination, builtin in known if not (builtin and alias == address)]
    ways = AliasWays([*others, *((address, destination) for destination in destinations)], {box for (box,) in boxes})
    for alias in ways.leading_to([address]):
        if problem := ways.problem(alias):
            raise AccountError(problem)


_USAGE: Final[LiteralString] = """
    SELECT mail.mailboxes_in_use(), s.mailboxes, s.domains, mail.storage_promised(s.mailbox_quota_bytes),
           s.storage_bytes, s.mailbox_quota_bytes, (SELECT reason FROM mail.settings_refusal)
    FROM mail.settings s"""


def _usage(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Usage:
    row = cursor.execute(_USAGE).fetchone()
    if row is None:
        raise AccountsUnavailable("the tenant's settings have not reached its database yet; wait some seconds")
    used, allowed, domains_allowed, promised, storage, quota, refusal = row
    domains = cursor.execute("SELECT name, active FROM mail.domains ORDER BY active DESC, position, name").fetchall()
    return Usage(
        mailboxes=used,
        mailboxes_allowed=allowed,
        domains=tuple(DomainState(*domain) for domain in domains),
        domains_allowed=domains_allowed,
        storage_promised_mib=int(promised) // MIB,
        storage_mib=storage // MIB,
        default_quota_mib=quota // MIB,
        refusal=refusal,
    )


def _mailbox(row: tuple[Any, ...]) -> Mailbox:
    address, name, quota, effective, enabled, can_log_in, role, created = row
    return Mailbox(address, name, _mib(quota), effective // MIB, enabled, enabled and can_log_in, role, created)


def _must_have_hit(cursor: psycopg.Cursor[tuple[Any, ...]], address: str) -> None:
    if cursor.rowcount != 1:
        raise _no_mailbox(address)


def _no_mailbox(address: str) -> AccountError:
    return AccountError(f"there is no mailbox {address}; see `mailtenant mailbox list`")


def _octets(mib: int | None) -> int | None:
    return None if mib is None else mib * MIB


def _mib(octets: int | None) -> int | None:
    return None if octets is None else octets // MIB
