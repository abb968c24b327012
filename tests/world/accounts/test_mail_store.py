"""A removed mailbox's mail: kept and found again, or deleted, and then nobody else's."""

from collections.abc import Iterator

import pytest

from tests.world.accounts.conftest import LABEL, Command
from tests.world.accounts.database import Database

JO, NEIGHBOUR = "o'jo&co@ledger.test", "o@ledger.test"


@pytest.fixture
def maildirs(database: Database) -> Iterator[Database]:
    """Stands for the imap container: the image with mail on its volume, no Dovecot running."""
    name = database.engine.container("imap")
    label = f"--label=mailtenant.tenant={database.settings.label}"
    image = f"mailtenant/imap:{database.settings.release}"
    database.docker("rm", "--force", name, check=False)
    run = ["run", "--detach", "--init", "--name", name, label, "--network=none", "--cap-drop=ALL", "--entrypoint=sleep"]
    database.docker(*run, image, "infinity")
    try:
        for folder in ("o'jo&co", "o", "o'jo&co2"):
            database.docker(
                "exec", "-u", "5000:5000", name, "mkdir", "-p", f"/var/vmail/ledger.test/{folder}/Maildir/new"
            )
        yield database
    finally:
        database.docker("rm", "--force", name)


def folders(database: Database) -> list[str]:
    return database.docker(
        "exec", "-u", "5000", database.engine.container("imap"), "ls", "/var/vmail/ledger.test"
    ).split()


def test_mail_stays_and_a_mailbox_of_the_same_address_finds_it(maildirs: Database, command: Command) -> None:
    assert "left its mail" in command("mailbox", "add", LABEL, JO, "--generate").stdout
    removed = command("mailbox", "remove", LABEL, JO, "--yes")
    assert "stays in /var/vmail/ledger.test/o'jo&co (container mt-ledger-imap)" in removed.stdout
    assert folders(maildirs) == ["o", "o'jo&co", "o'jo&co2"]
    assert "left its mail" in command("mailbox", "add", LABEL, JO, "--generate").stdout
    assert "left its mail" not in command("mailbox", "add", LABEL, "new@ledger.test", "--generate").stdout


def test_deleting_takes_exactly_this_mailbox(maildirs: Database, command: Command) -> None:
    command("mailbox", "add", LABEL, JO, "--generate")
    removed = command("mailbox", "remove", LABEL, JO, "--yes", "--delete-mail")
    assert "Its mail is deleted" in removed.stdout
    assert folders(maildirs) == ["o", "o'jo&co2"]


def test_a_mailbox_that_does_not_exist_deletes_nothing(maildirs: Database, command: Command) -> None:
    command("mailbox", "remove", LABEL, NEIGHBOUR, "--yes", "--delete-mail", code=1)
    command("mailbox", "remove", LABEL, "../ledger.test@..", "--yes", "--delete-mail", code=1)
    assert folders(maildirs) == ["o", "o'jo&co", "o'jo&co2"]
