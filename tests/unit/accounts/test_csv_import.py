"""The import file: encodings, quoting, every problem at once with its line, no secret repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtenant.accounts.csv_import import AliasRow, MailboxRow, decode, parse
from mailtenant.accounts.errors import AccountError, Problem
from tests.unit.accounts.examples import SHA512_CRYPT

DOMAINS = {"acme.test", "two.test"}
SHA512 = "{SHA512-CRYPT}" + SHA512_CRYPT


def places(problems: tuple[Problem, ...]) -> list[tuple[int, str]]:
    return [(problem.line, problem.column) for problem in problems]


def test_a_row_becomes_a_mailbox_with_its_aliases() -> None:
    file = parse(
        "address,password,quota_mib,name,aliases\n"
        "Jo@Acme.test,correct horse,512,Jo Doe,sales@acme.test; info@two.test\n",
        DOMAINS,
    )
    assert file.problems == ()
    assert file.mailboxes == (MailboxRow(2, "jo@acme.test", "correct horse", None, 512, "Jo Doe"),)
    assert file.aliases == (
        AliasRow(2, "sales@acme.test", "jo@acme.test"),
        AliasRow(2, "info@two.test", "jo@acme.test"),
    )


def test_hashes_and_forwards_are_rows_too() -> None:
    text = (
        f"address,password_hash,forward_to\njo@acme.test,{SHA512},\n"
        "@acme.test,,jo@acme.test\nall@acme.test,,jo@acme.test x@else.test\n"
    )
    file = parse(text, DOMAINS)
    assert file.problems == ()
    assert [row.password_hash for row in file.mailboxes] == [SHA512]
    assert [(row.address, row.destination) for row in file.aliases] == [
        ("@acme.test", "jo@acme.test"),
        ("all@acme.test", "jo@acme.test"),
        ("all@acme.test", "x@else.test"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(delimiter: str) -> None:
    rows = [["Address", "Password"], ["jo@acme.test", "pässwörd-1"]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    for octets in (
        text.encode(),
        text.encode("utf-8-sig"),
        text.encode("utf-16"),
        "\ufeff".encode("utf-16-be") + text.encode("utf-16-be"),
    ):
        file = parse(decode(octets), DOMAINS)
        assert file.problems == ()
        assert [row.password for row in file.mailboxes] == ["pässwörd-1"]


def test_an_encoding_is_not_guessed_but_named() -> None:
    octets = "address,password\njo@acme.test,pässwörd-1\n".encode("cp1252")
    with pytest.raises(AccountError, match=r"line 2 is not utf-8.*--encoding cp1252"):
        decode(octets)
    assert parse(decode(octets, "cp1252"), DOMAINS).mailboxes[0].password == "pässwörd-1"
    with pytest.raises(AccountError, match="unknown encoding"):
        decode(octets, "klingon")


def test_a_byte_order_mark_is_no_part_of_a_named_encoding() -> None:
    octets = "address,password\njo@acme.test,correct horse\n".encode("utf-8-sig")
    assert parse(decode(octets, "utf-8"), DOMAINS).problems == ()


def test_empty_lines_may_stand_above_the_header() -> None:
    file = parse("\r\n \r\naddress;password\r\njo@acme.test;correct horse\r\n", DOMAINS)
    assert file.problems == ()
    assert [row.line for row in file.mailboxes] == [4]


def test_a_forward_to_nobody_is_not_passed_over() -> None:
    file = parse("address,forward_to\nall@acme.test,;\ninfo@acme.test,jo@acme.test\n", DOMAINS)
    assert places(file.problems) == [(2, "forward_to")]


def test_a_header_that_cannot_be_read_is_not_called_an_empty_file() -> None:
    (problem,) = parse('"address,password\njo@acme.test,correct horse\n', DOMAINS).problems
    assert (problem.line, "quotes" in problem.message) == (1, True)


def test_every_problem_is_reported_at_once_with_its_line() -> None:
    text = (
        "address,password,password_hash,quota_mib,aliases\n"
        "jo@acme.test,correct horse,,,\n"
        "\n"
        "JO@acme.test,correct horse,,,\n"
        "ann@elsewhere.test,correct horse,,,\n"
        "bob@acme.test,short,,,\n"
        "cy@acme.test,,{PLAIN}hunter22222,,\n"
        "di@acme.test,,,,\n"
        "ed@acme.test,correct horse," + SHA512 + ",,\n"
        "fay@acme.test,correct horse,,2 GB,\n"
        "not an address,correct horse,,0,\n"
        "gil@acme.test,correct horse,,,gil@acme.test\n"
        "hal@acme.test,correct horse,,,info@acme.test info@acme.test\n"
    )
    file = parse(text, DOMAINS)
    assert places(file.problems) == [
        (4, "address"),
        (5, "address"),
        (6, "password"),
        (7, "password_hash"),
        (8, "password"),
        (9, "password"),
        (10, "quota_mib"),
        (11, "address"),
        (11, "quota_mib"),
        (12, "aliases"),
        (13, "aliases"),
    ]
    report = "\n".join(map(str, file.problems))
    assert "line 4   address: jo@acme.test is on line 2 already" in report
    for secret in ("correct horse", "hunter22222", "short\n", SHA512):
        assert secret not in report


def test_a_quoted_line_break_counts_as_a_line() -> None:
    text = 'address,name,password\njo@acme.test,"Jo\nDoe",correct horse\nbad,x,correct horse\n'
    assert places(parse(text, DOMAINS).problems) == [(2, "name"), (4, "address")]


def test_a_password_keeps_spaces_commas_and_quotes() -> None:
    text = 'address,password\njo@acme.test," a ""b"", c "\n'
    assert parse(text, DOMAINS).mailboxes[0].password == ' a "b", c '


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("address,password\n", "no rows"),
        ("mail,password\nx,y\n", "column `address` is missing"),
        ("address,password,pasword\nx,y,z\n", "unknown column"),
        ("address,address\nx,y\n", "there twice"),
        ('address,password\njo@acme.test,"correct horse\n', "quotes of the row"),
        ("address,password\njo@acme.test,correct,horse\n", "3 cells, the header 2"),
        ("address,password,forward_to\nall@acme.test,correct horse,jo@acme.test\n", "is an alias"),
    ],
)
def test_a_file_of_the_wrong_form_is_refused(text: str, message: str) -> None:
    report = "\n".join(map(str, parse(text, DOMAINS).problems))
    assert message in report


def test_secrets_are_not_in_the_repr_of_a_row() -> None:
    file = parse(f"address,password,password_hash\njo@acme.test,correct horse,\nann@acme.test,,{SHA512}\n", DOMAINS)
    assert "correct horse" not in repr(file) and "$6$" not in repr(file)


@given(st.text(max_size=200))
def test_whatever_the_file_holds_it_is_rows_or_problems(text: str) -> None:
    file = parse(text, DOMAINS)
    assert file.problems or file.mailboxes or file.aliases
    assert all("\n" not in str(problem) for problem in file.problems)
