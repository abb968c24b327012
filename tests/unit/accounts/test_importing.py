"""An import against what is there: conflicts, dead ends and limits are found before anything is stored."""

from mailtenant.accounts.csv_export import accounts_csv
from mailtenant.accounts.csv_import import parse
from mailtenant.accounts.importing import Present, conflicts, with_hashes
from mailtenant.accounts.model import Alias, DomainState, StoredMailbox, Usage
from tests.unit.accounts.examples import SHA512_CRYPT

USAGE = Usage(2, 5, (DomainState("acme.test", True), DomainState("old.test", False)), 3, 200, 1000, 100, None)
PRESENT = Present(
    frozenset({"jo@acme.test", "ann@acme.test"}),
    frozenset({"postmaster@acme.test"}),
    frozenset({("sales@acme.test", "jo@acme.test")}),
    USAGE,
)
HASH = "{SHA512-CRYPT}" + SHA512_CRYPT


def report(rows: str) -> str:
    return "\n".join(map(str, conflicts(parse("address,password,quota_mib,aliases,forward_to\n" + rows), PRESENT)))


def test_a_file_without_conflicts_passes() -> None:
    assert (
        report(
            "bob@acme.test,correct horse,,bobby@acme.test,\nall@acme.test,,,,bob@acme.test jo@acme.test x@else.test\n"
        )
        == ""
    )


def test_addresses_that_are_taken_are_named_with_their_line() -> None:
    found = report(
        "jo@acme.test,correct horse,,,\nsales@acme.test,correct horse,,,\npostmaster@acme.test,correct horse,,,\n"
    )
    assert "line 2   address: jo@acme.test exists already" in found
    assert "line 3   address: sales@acme.test is already an alias for jo@acme.test" in found
    assert "line 4   address: postmaster@acme.test is the built-in" in found


def test_an_address_is_a_mailbox_or_an_alias() -> None:
    assert "line 3   aliases: bob@acme.test is a mailbox" in report(
        "bob@acme.test,correct horse,,,\nbob@acme.test,,,,jo@acme.test\n"
    )
    assert "line 2   aliases: ann@acme.test is a mailbox" in report("bob@acme.test,correct horse,,ann@acme.test,\n")
    assert "sales@acme.test for jo@acme.test exists already" in report("sales@acme.test,,,,jo@acme.test\n")


def test_an_alias_leads_to_something() -> None:
    assert "nobody@acme.test does not exist here" in report("all@acme.test,,,,nobody@acme.test\n")
    for there in ("jo+tag@acme.test", "sales@acme.test", "abuse@acme.test", "who@old.test", "who@else.test"):
        assert report(f"all@acme.test,,,,{there}\n") == ""


def test_limits_are_reported_with_their_numbers() -> None:
    found = report("".join(f"u{n}@acme.test,correct horse,300,,\n" for n in range(4)))
    assert "would make 6 mailboxes; capacity.mailboxes is 5" in found
    assert "would sum to 1400 MiB; capacity.storage_gib allows 1000 MiB" in found


def test_only_plain_passwords_are_hashed() -> None:
    parsed = parse(f"address,password,password_hash\nbob@acme.test,correct horse,\ncy@acme.test,,{HASH}\n")
    counted: list[int] = []
    mailboxes, _ = with_hashes(parsed, lambda: counted.append(1))
    assert counted == [1]
    assert (mailboxes[0].password_hash or "").startswith("{ARGON2ID}") and mailboxes[1].password_hash == HASH
    assert HASH not in repr(mailboxes)


def test_an_export_is_an_import() -> None:
    boxes = [StoredMailbox("jo@acme.test", HASH, None, 'Jo, the "boss"'), StoredMailbox("o'b@acme.test", HASH, 512, "")]
    aliases = [
        Alias("@acme.test", "jo@acme.test"),
        Alias("all@acme.test", "jo@acme.test"),
        Alias("all@acme.test", "x@else.test"),
    ]
    parsed = parse(accounts_csv(boxes, [*aliases, Alias("abuse@acme.test", "jo@acme.test", builtin=True)]))
    assert parsed.problems == ()
    assert [(r.address, r.password_hash, r.quota_mib, r.name) for r in parsed.mailboxes] == [
        (b.address, b.password_hash, b.quota_mib, b.name) for b in boxes
    ]
    assert [Alias(r.address, r.destination) for r in parsed.aliases] == aliases


def test_a_circle_is_reported_once_with_its_chain_whether_new_or_closed_by_the_file() -> None:
    found = report("x@acme.test,,,,y@acme.test\ny@acme.test,,,,x@acme.test\n")
    assert found == ("line 2   forward_to: x@acme.test would lead in a circle: x@acme.test → y@acme.test → x@acme.test")
    assert "postmaster@acme.test → abuse@acme.test → postmaster@acme.test" in report(
        "postmaster@acme.test,,,,abuse@acme.test\n"
    )
    assert report("abuse@acme.test,,,,jo@acme.test\npostmaster@acme.test,,,,abuse@acme.test\n") == ""


def test_an_alias_with_more_addresses_than_postfix_goes_to_is_refused() -> None:
    many = " ".join(f"x{n}@else.test" for n in range(1001))
    assert report(f"all@acme.test,,,,{many}\n").startswith(
        "line 2   forward_to: all@acme.test would lead to more than 1000 addresses"
    )
    # Or if it is another alias that has too many by it.
    assert "line 3   forward_to: every@acme.test would" in report(
        f"all@acme.test,,,,{many.partition(' ')[2]}\nevery@acme.test,,,,all@acme.test jo@acme.test\n"
    )
