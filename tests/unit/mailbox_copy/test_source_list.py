"""The CSV file of mailboxes that come from elsewhere."""

import pytest

from mailtenant.mailbox_copy.imap_source import ImapSource, SourceMailbox
from mailtenant.mailbox_copy.source_list import parse_list


def test_login_is_the_address_unless_it_is_given() -> None:
    boxes, problems = parse_list("Address;login\nJo@Acme.test;\nann@acme.test;ann.roe\n", master=True)
    assert problems == []
    assert boxes == [SourceMailbox("jo@acme.test", "jo@acme.test"), SourceMailbox("ann@acme.test", "ann.roe")]
    source = ImapSource("old.test", 993, master="admin", password="pw")
    assert boxes[1].credentials(source) == ("ann.roe*admin", "pw")


def test_passwords_are_kept_as_they_are_and_never_shown() -> None:
    [box], _ = parse_list('address,password\njo@acme.test," p,w "\n', master=False)
    assert box.credentials(ImapSource("old.test", 993)) == ("jo@acme.test", " p,w ")
    assert "p,w" not in repr(box)


@pytest.mark.parametrize(
    ("text", "master", "said"),
    [
        ("", True, "`address` is missing"),
        ("address\n", True, "no rows"),
        ("address,colour\njo@acme.test,red\n", True, "unknown column"),
        ("address\njo@acme.test\nJO@acme.test\n", True, "line 3   jo@acme.test is there twice"),
        ("address\njo\n", True, "line 2   jo: not an address"),
        ("address\njo@acme.test,secret\n", True, "more cells than columns"),
        ("address,password\njo@acme.test,secret\n", True, "leave the column out"),
        ("address,password\njo@acme.test,\n", False, "--master-user"),
        ('address,password\njo@acme.test,"secret\n', False, "quotes"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_without_passwords(text: str, master: bool, said: str) -> None:
    _, problems = parse_list(text, master=master)
    told = "; ".join(str(problem) for problem in problems)
    assert said in told and "secret" not in told
