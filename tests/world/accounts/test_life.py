"""The container's life: killed, stopped, replaced, with a new password; and how little it may do."""

import json
import time

import psycopg
import pytest

from mailtenant.accounts.model import NewMailbox
from tests.world.accounts.database import Database
from tests.world.tenants import eventually


@pytest.fixture
def mailbox(database: Database) -> str:
    with database.accounts() as store:
        store.add(NewMailbox("jo@ledger.test", "{SHA256}x"))
    return "jo@ledger.test"


def there(database: Database, address: str) -> bool:
    return database.lookup("SELECT address FROM postfix_mailboxes WHERE address = %s", address) == [(address,)]


def started(database: Database) -> str:
    return database.docker("inspect", "--format", "{{.State.StartedAt}}", database.container)


def test_a_killed_server_comes_back_with_what_was_committed(database: Database, mailbox: str) -> None:
    before = started(database)
    database.docker(
        "exec", database.container, "sh", "-c", "kill -9 $(head -n1 /var/lib/postgresql/data/17/postmaster.pid)"
    )
    eventually(lambda: started(database) != before, what="the restart policy")
    database.wait_until_healthy()
    assert there(database, mailbox)


def test_a_killed_backend_does_not_end_the_operator(database: Database, mailbox: str) -> None:
    pid = database.owner("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    before = started(database)
    database.docker("exec", database.container, "kill", "-9", pid)
    operator = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mailtenant operator'"

    def operating() -> bool:
        try:
            return database.owner(operator) == "1"
        except AssertionError:
            return False

    eventually(operating, seconds=20, what="a new operator session")
    assert started(database) == before
    assert there(database, mailbox)


def test_it_stops_fast_and_clean(database: Database, mailbox: str) -> None:
    with database.reader() as held:
        held.execute("SELECT 1")
        begun = time.monotonic()
        database.docker("stop", database.container)
        assert time.monotonic() - begun < 5
    assert database.docker("inspect", "--format", "{{.State.ExitCode}}", database.container) == "0"
    assert "database system is shut down" in database.logs()
    database.docker("start", database.container)
    database.wait_until_healthy()
    assert there(database, mailbox)


def test_a_new_container_on_the_kept_volumes_knows_everything(database: Database, mailbox: str) -> None:
    database.replace()
    assert there(database, mailbox)
    assert "schema:" not in database.logs()
    eventually(lambda: f"{mailbox} {mailbox}" in database.owners_map(), seconds=10, what="the map of owners")


def test_a_changed_password_of_the_reader_replaces_the_old_one(database: Database) -> None:
    old, new = database.password, "second-'; --\\:鍵"
    try:
        database.password = new
        database.upload("secrets", {"reader.password": new + "\n"})
        database.replace()
        assert database.lookup("SELECT count(*) FROM postfix_domains") == [(2,)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"), database.reader(old):
            pass
        assert new not in database.logs() and old not in database.logs()
    finally:
        database.password = old
        database.upload("secrets", {"reader.password": old + "\n"})
        database.replace()


def test_a_second_server_never_opens_the_same_volume(database: Database) -> None:
    prefix = database.settings.prefix
    volumes = [f"--volume={prefix}-database:/var/lib/postgresql/data", f"--volume={prefix}-secrets:/run/secrets-in:ro"]
    label = f"--label=mailtenant.tenant={database.settings.label}"
    image = f"mailtenant/database:{database.settings.release}"
    tmpfs = ["--tmpfs=/run:uid=5008,gid=5008", "--tmpfs=/tmp:uid=5008,gid=5008"]
    with pytest.raises(AssertionError, match="another container uses the volume"):
        database.docker("run", "--rm", label, "--network=none", "--read-only", *tmpfs, *volumes, image)
    assert database.lookup("SELECT count(*) FROM postfix_domains") == [(2,)]


def test_a_missing_password_is_named(database: Database) -> None:
    image = f"mailtenant/database:{database.settings.release}"
    with pytest.raises(AssertionError, match=r"reader\.password is not readable by uid 5008: .*0444"):
        database.docker("run", "--rm", "--network=none", "--read-only", "--tmpfs=/run:uid=5008,gid=5008", image)


def test_it_may_do_nothing_but_serve(database: Database) -> None:
    status = database.docker("exec", database.container, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["CapEff"] == fields["CapPrm"] == fields["CapBnd"] == "0000000000000000"
    assert fields["NoNewPrivs"] == "1"
    assert fields["Uid"].split() == ["5008"] * 4
    with pytest.raises(AssertionError, match="Read-only file system"):
        database.docker("exec", database.container, "touch", "/usr/local/bin/x")
    environment = json.loads(database.docker("inspect", "--format", "{{json .Config.Env}}", database.container))
    assert not [entry for entry in environment if database.password in entry]


def test_it_is_durable_and_small(database: Database) -> None:
    on = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum", "data_checksums")
    for name in on:
        assert database.owner(f"SHOW {name}") == "on", name
    assert database.owner("SHOW jit") == "off"
    encoding = "SELECT concat_ws(' ', datlocprovider, datlocale, pg_encoding_to_char(encoding)) FROM pg_database"
    assert database.owner(f"{encoding} WHERE datname = 'mail'") == "b C.UTF-8 UTF8"
