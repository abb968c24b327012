"""`mailtenant mailbox` and `mailtenant alias` as people type them, against a real database."""

import csv
import json
import time
from pathlib import Path

from argon2 import PasswordHasher

from tests.unit.accounts.examples import SHA512_CRYPT
from tests.world.accounts.conftest import LABEL, Command
from tests.world.accounts.database import Database

JO = "jo@ledger.test"


def stored_hash(database: Database, address: str) -> str:
    return str(database.lookup("SELECT password FROM dovecot_passwords WHERE username = %s", address)[0][0])


def verifies(stored: str, password: str) -> bool:
    return PasswordHasher().verify(stored.removeprefix("{ARGON2ID}"), password)


def test_a_mailbox_is_added_listed_changed_and_removed(database: Database, command: Command) -> None:
    added = command(
        "mailbox",
        "add",
        LABEL,
        "Jo@Ledger.test",
        "--name",
        "Jo Doe",
        "--quota-mib",
        "300",
        "--password-stdin",
        stdin="pässwörd-1\n",
    )
    assert "jo@ledger.test is ready, with 300 MiB" in added.stdout
    assert verifies(stored_hash(database, JO), "pässwörd-1")
    command("mailbox", "passwd", LABEL, JO, "--password-stdin", stdin="другой пароль\n")
    assert verifies(stored_hash(database, JO), "другой пароль")
    command("mailbox", "quota", LABEL, JO, "400")
    listed = json.loads(command("mailbox", "list", LABEL, "--json").stdout)
    found = {box["address"]: box for box in listed["mailboxes"]}
    assert found[JO]["quota_mib"] == 400 and found[JO]["name"] == "Jo Doe" and found[JO]["can_log_in"]
    assert found["postmaster@ledger.test"]["builtin"] and not found["postmaster@ledger.test"]["can_log_in"]
    assert listed["usage"]["mailboxes"] == 1
    assert "1 of 600 mailboxes" in command("mailbox", "list", LABEL).stdout
    command("mailbox", "quota", LABEL, JO, "default")
    removed = command("mailbox", "remove", LABEL, JO, "--yes")
    assert "/var/vmail/ledger.test/jo" in removed.stdout
    assert database.lookup("SELECT 1 FROM postfix_mailboxes WHERE address = %s", JO) == []


def test_a_generated_password_is_shown_once_and_works(database: Database, command: Command) -> None:
    made = json.loads(command("mailbox", "add", LABEL, JO, "--generate", "--json").stdout)
    assert verifies(stored_hash(database, JO), made["password"])
    again = command("mailbox", "passwd", LABEL, JO, "--generate").stdout
    assert verifies(stored_hash(database, JO), again.split("once: ")[1].strip())


def test_what_is_wrong_is_one_line_and_changes_nothing(database: Database, command: Command) -> None:
    typed = {"stdin": "correct horse\n", "code": 1}
    cases = [
        (("add", LABEL, "jo", "--password-stdin"), typed, "not an address"),
        (("add", LABEL, JO, "--password-stdin"), {"stdin": "short\n", "code": 1}, "fewer than 8"),
        (("add", LABEL, "jo@elsewhere.test", "--password-stdin"), typed, "not one of the tenant's"),
        (("add", LABEL, JO), typed, "--password-stdin or --generate"),
        (("add", LABEL, JO, "--password-stdin", "--generate"), typed, "exclude each other"),
        (("passwd", LABEL, JO, "--password-stdin"), typed, "there is no mailbox jo@ledger.test"),
        (("quota", LABEL, JO, "12"), {"code": 1}, "there is no mailbox"),
        (("quota", LABEL, JO, "2GB"), {"code": 1}, "whole number of MiB"),
        (("remove", LABEL, "postmaster@ledger.test", "--yes"), {"code": 1}, "cannot be removed"),
        (("list", "nobody"), {"code": 1}, "no tenant of that label"),
    ]
    for arguments, options, message in cases:
        done = command("mailbox", *arguments, **options)
        assert message in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "horse" not in done.stderr + done.stdout
    assert database.lookup("SELECT count(*) FROM postfix_mailboxes") == [(1,)]


def test_removing_asks_for_the_address(database: Database, command: Command) -> None:
    command("mailbox", "add", LABEL, JO, "--generate")
    refused = command("mailbox", "remove", LABEL, JO, stdin="yes\n", code=1)
    assert "nothing was removed" in refused.stderr
    assert database.lookup("SELECT 1 FROM postfix_mailboxes WHERE address = %s", JO) == [(1,)]
    command("mailbox", "remove", LABEL, JO, stdin=f"{JO}\n")
    assert database.lookup("SELECT 1 FROM postfix_mailboxes WHERE address = %s", JO) == []


def test_aliases_are_added_listed_and_removed(database: Database, command: Command) -> None:
    command("mailbox", "add", LABEL, JO, "--generate")
    command("alias", "add", LABEL, "sales@ledger.test", JO, "partner@elsewhere.test")
    command("alias", "add", LABEL, "@ledger-two.test", JO)
    listed = json.loads(command("alias", "list", LABEL, "--json").stdout)
    pairs = {(alias["address"], alias["destination"], alias["builtin"]) for alias in listed}
    assert ("sales@ledger.test", JO, False) in pairs and ("@ledger-two.test", JO, False) in pairs
    assert ("abuse@ledger-two.test", "postmaster@ledger.test", True) in pairs
    assert "built-in" in command("alias", "list", LABEL).stdout
    command("alias", "remove", LABEL, "sales@ledger.test", "partner@elsewhere.test")
    command("alias", "remove", LABEL, "sales@ledger.test")
    assert "there is no alias" in command("alias", "remove", LABEL, "sales@ledger.test", code=1).stderr
    assert "cannot be removed" in command("alias", "remove", LABEL, "abuse@ledger.test", code=1).stderr


def test_five_hundred_mailboxes_are_imported_in_one_transaction(
    database: Database, command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    lines = ["address,password,password_hash,quota_mib,aliases"]
    lines += [f"u{n}@ledger.test,pässwörd-{n},,100,a{n}@ledger-two.test" for n in range(250)]
    lines += [f"u{n}@ledger.test,,{SHA512_CRYPT},100," for n in range(250, 500)]
    path.write_text(
        "\n".join([*lines, "bad@@ledger.test,x,,,", "u7@ledger.test,correct horse,,,"]), encoding="utf-8-sig"
    )
    refused = command("mailbox", "import", LABEL, str(path), code=1)
    assert "line 502   address: bad@@ledger.test" in refused.stderr
    assert "line 502   password: the password has fewer than 8" in refused.stderr
    assert "line 503   address: u7@ledger.test is on line 9 already" in refused.stderr
    assert database.lookup("SELECT count(*) FROM postfix_mailboxes") == [(1,)]

    path.write_text("\n".join(lines), encoding="utf-8-sig")
    command("mailbox", "import", LABEL, str(path), "--check")
    assert database.lookup("SELECT count(*) FROM postfix_mailboxes") == [(1,)]
    begun = time.monotonic()
    done = command("mailbox", "import", LABEL, str(path), "--json")
    assert time.monotonic() - begun < 60
    assert json.loads(done.stdout) == {"mailboxes": 500, "aliases": 250, "stored": True}
    assert database.lookup("SELECT count(*) FROM postfix_mailboxes") == [(501,)]
    assert verifies(stored_hash(database, "u7@ledger.test"), "pässwörd-7")
    assert stored_hash(database, "u300@ledger.test") == "{SHA512-CRYPT}" + SHA512_CRYPT
    again = command("mailbox", "import", LABEL, str(path), code=1)
    assert "line 2   address: u0@ledger.test exists already" in again.stderr


def test_an_import_above_the_capacity_stores_nothing(database: Database, command: Command, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text(
        "address,password_hash,quota_mib\n" + "".join(f"u{n}@ledger.test,{SHA512_CRYPT},1\n" for n in range(601))
    )
    assert (
        "would make 601 mailboxes; capacity.mailboxes is 600"
        in command("mailbox", "import", LABEL, str(path), code=1).stderr
    )
    assert database.lookup("SELECT count(*) FROM postfix_mailboxes") == [(1,)]


def test_an_export_brings_everything_back(database: Database, command: Command, tmp_path: Path) -> None:
    command("mailbox", "add", LABEL, JO, "--password-stdin", "--name", 'Jo, "boss"', stdin="pässwörd-1\n")
    command(
        "mailbox",
        "add",
        LABEL,
        "o'brien@ledger-two.test",
        "--password-stdin",
        "--quota-mib",
        "77",
        stdin="correct horse\n",
    )
    command("alias", "add", LABEL, "all@ledger.test", JO, "o'brien@ledger-two.test", "x@elsewhere.test")
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    command("mailbox", "export", LABEL, str(first))
    assert first.stat().st_mode & 0o777 == 0o600
    assert len(list(csv.DictReader(first.open()))) == 3
    command("alias", "remove", LABEL, "all@ledger.test")
    for address in (JO, "o'brien@ledger-two.test"):
        command("mailbox", "remove", LABEL, address, "--yes")
    command("mailbox", "import", LABEL, str(first))
    command("mailbox", "export", LABEL, str(second))
    assert second.read_text() == first.read_text()
    assert verifies(stored_hash(database, JO), "pässwörd-1")
    assert "exists already" in command("mailbox", "export", LABEL, str(first), code=1).stderr


def test_a_tenant_that_is_not_up_is_named(database: Database, command: Command) -> None:
    database.docker("stop", database.container)
    try:
        done = command("mailbox", "list", LABEL, code=3)
        assert f"{database.container} is not running" in done.stderr
    finally:
        database.docker("start", database.container)
        database.wait_until_healthy()
