"""What each role may do: the daemons' role reads six views and nothing else; the administration cannot touch limits."""

import psycopg
import pytest

from mailtenant.accounts import AccountError
from mailtenant.accounts.model import NewMailbox
from tests.world.accounts.database import Database

VIEWS = (
    "postfix_domains",
    "postfix_mailboxes",
    "postfix_aliases",
    "postfix_sender_logins",
    "dovecot_passwords",
    "dovecot_users",
)
HOSTILE = [
    "'; DROP TABLE mail.mailboxes; --@ledger.test",
    "' OR '1'='1",
    "jo@ledger.test'; SELECT pg_sleep(10); --",
    "%s%s%(x)s@ledger.test",
    "\\'; --@ledger.test",
    "$$ OR true $$",
]


@pytest.mark.parametrize("view", VIEWS)
def test_the_reader_reads_each_view_and_writes_none(database: Database, view: str) -> None:
    with database.reader() as reader:
        reader.execute(f"SELECT * FROM {view}").fetchall()
        reader.execute("SET default_transaction_read_only = off")
        for statement in (f"DELETE FROM {view}", f"INSERT INTO {view} DEFAULT VALUES"):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
                reader.execute(statement)


def test_the_reader_can_read_exactly_these_views(database: Database) -> None:
    readable = database.owner(
        """SELECT string_agg(c.oid::regclass::text, ' ' ORDER BY c.relname)
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'v', 'm', 'p', 'S')
             AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
             AND has_table_privilege('mailreader', c.oid, 'SELECT, INSERT, UPDATE, DELETE')"""
    )
    assert readable.split() == sorted(VIEWS)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM mail.mailboxes",
        "SELECT * FROM mail.settings",
        "SELECT * FROM mail.schema_migrations",
        "SELECT mail.apply_settings('{}')",
        "SELECT mail.mailboxes_in_use()",
        "CALL operator.take_settings()",
        "CREATE TABLE public.mine (x int)",
        "CREATE TEMPORARY TABLE mine (x int)",
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT * FROM pg_authid",
        "SET ROLE mailadmin",
        "SET ROLE postgres",
        "ALTER ROLE mailreader SUPERUSER",
    ],
)
def test_the_reader_can_do_nothing_else(database: Database, statement: str) -> None:
    with database.reader() as reader:
        reader.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement)


@pytest.mark.parametrize("user", ["mailadmin", "postgres", "nobody"])
def test_no_other_role_comes_in_over_the_network(database: Database, user: str) -> None:
    host, _, port = database.docker("port", database.container, "5432/tcp").splitlines()[0].rpartition(":")
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(host=host, port=port, user=user, dbname="mail", password=database.password, connect_timeout=5)
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(
            host=host, port=port, user="mailreader", dbname="postgres", password=database.password, connect_timeout=5
        )


def test_a_wrong_password_does_not_come_in(database: Database) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"), database.reader("wrong"):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE mail.settings SET mailboxes = 1000000",
        "DELETE FROM mail.settings_refusal",
        "INSERT INTO mail.domains (name, position) VALUES ('evil.test', 1)",
        "UPDATE mail.mailboxes SET role = true",
        "UPDATE mail.mailboxes SET address = 'x@ledger.test'",
        "INSERT INTO mail.mailboxes (address, role) VALUES ('x@ledger.test', true)",
        "UPDATE mail.changes SET version = 0",
        "SELECT mail.apply_settings('{}')",
        "ALTER TABLE mail.mailboxes DISABLE TRIGGER ALL",
        "SELECT pg_read_file('/run/secrets-in/reader.password')",
        "COPY mail.aliases TO PROGRAM 'id'",
    ],
)
def test_the_administration_cannot_lift_its_own_limits(database: Database, statement: str) -> None:
    with (
        pytest.raises(AccountError, match=r"permission denied|must be owner|SQLSTATE 42501"),
        database.accounts() as store,
        store._transaction() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_lookup_or_an_account_is_only_text(database: Database, text: str) -> None:
    assert database.lookup("SELECT * FROM postfix_aliases WHERE address = %s", text) == []
    with database.accounts() as store:
        # Past the tools' own checks: the database refuses by itself.
        with pytest.raises(AccountError):
            store.add(NewMailbox(text))
        with pytest.raises(AccountError):
            store.add_alias(text, ["jo@ledger.test"])
        store.add(NewMailbox("o'brien@ledger.test", None, None, text))
        assert [box.name for box in store.mailboxes() if box.address == "o'brien@ledger.test"] == [text]
        store.remove("o'brien@ledger.test")


def test_tool_and_database_agree_on_what_an_address_is(database: Database) -> None:
    from mailtenant.accounts.address import parse_mailbox_address

    candidates = [
        f"{local}@ledger.test"
        for local in (
            "jo",
            "o'b",
            "r&d",
            "a.b",
            "a..b",
            ".a",
            "a.",
            "-a",
            "a-",
            "a+b",
            "a=b",
            "a~b",
            "a/b",
            "a b",
            "ä",
            "%a",
            "_",
            "a" * 64,
            "a" * 65,
        )
    ]
    candidates += [
        "jo@ledger",
        "jo@",
        "@ledger.test",
        "jo@-x.test",
        "jo@x-.test",
        "jo@" + "a" * 63 + ".test",
        "jo@" + "a" * 64 + ".test",
    ]
    for address in candidates:
        try:
            parse_mailbox_address(address)
            tool = True
        except AccountError:
            tool = False
        quoted = address.replace("'", "''")
        assert database.owner(f"SELECT mail.is_mailbox_address('{quoted}')") == ("t" if tool else "f"), address


def test_nothing_of_a_failed_statement_is_logged(database: Database) -> None:
    with database.accounts() as store:
        store.add(NewMailbox("jo@ledger.test", "{SHA256}canary-hash"))
        with pytest.raises(AccountError) as caught:
            store.add(NewMailbox("jo@ledger.test", "{SHA256}canary-hash"))
        with pytest.raises(AccountError) as second:
            store.add(NewMailbox("ann@ledger.test", "canary hash"))
    logs = database.logs()
    assert "ready" in logs
    assert "canary" not in str(caught.value) + str(second.value) + logs
    assert database.password not in logs
