"""accounts.json and the files that hold secrets."""

import json
from pathlib import Path

import pytest

from mailtenant.accounts import AccountError, accounts_document
from mailtenant.accounts.csv_export import write_private
from tests.samples import settings


def test_domains_keep_the_order_of_the_stack_file_and_sizes_are_octets() -> None:
    capacity = {"mailboxes": 10, "domains": 5, "storage_gib": 20, "mailbox_quota_mib": 2048}
    text = accounts_document(settings("acme", "zeta.test", "acme.test", capacity=capacity))
    assert json.loads(text) == {
        "domains": ["zeta.test", "acme.test"],
        "capacity": {"mailboxes": 10, "domains": 5, "storage_bytes": 20 * 1024**3, "mailbox_quota_bytes": 2 * 1024**3},
    }
    assert text == accounts_document(settings("acme", "zeta.test", "acme.test", capacity=capacity))


def test_an_export_is_for_its_owner_alone_and_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_private(path, "secret\n")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(AccountError, match="exists already"):
        write_private(path, "other\n")
    assert path.read_text() == "secret\n"
