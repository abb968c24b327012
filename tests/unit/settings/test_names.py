"""Labels, domains, addresses: what is a name, and what is refused with which word."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import (
    RESERVED_LABELS,
    check_email,
    check_fqdn,
    check_label,
    check_plain_text,
    check_platform,
    check_report_address,
)

LDH = string.ascii_lowercase + string.digits + "-"


@pytest.mark.parametrize("label", ["acme", "a", "a-b", "acme-2", "x" * 63, "1a", "xn--bcher-kva", "xn--mnchen-3ya"])
def test_a_valid_label_is_taken(label: str) -> None:
    assert check_label(label) == label


@pytest.mark.parametrize(
    ("label", "word"),
    [
        ("", "empty"),
        ("-a", "not a DNS name"),
        ("a-", "not a DNS name"),
        ("a_b", "not a DNS name"),
        ("a b", "not a DNS name"),
        ("a\n", "not a DNS name"),
        ("a.b", "dot"),
        ("x" * 64, "64 characters"),
        ("Acme", "upper-case"),
        ("bücher", "outside a-z"),
        ("xn--junk-", "not a DNS name"),
        ("xn--zzzzzz9999", "A-label"),
        ("xn--", "not a DNS name"),
        ("ab--cd", "A-label"),
        ("123", "digits"),
        *(
            (name, "reserved")
            for name in ("mail", "www", "smtp", "imap", "ns1", "postmaster", "admin", "mta-sts", "api")
        ),
    ],
)
def test_a_bad_label_is_refused_with_the_reason(label: str, word: str) -> None:
    with pytest.raises(Refusal, match=word):
        check_label(label)


@given(st.text(st.sampled_from(LDH), min_size=1, max_size=63))
def test_a_label_of_ldh_is_taken_unless_a_rule_names_it(label: str) -> None:
    bad = label[0] == "-" or label[-1] == "-" or label[2:4] == "--" or label in RESERVED_LABELS or label.isdigit()
    if bad:
        with pytest.raises(Refusal):
            check_label(label)
    else:
        assert check_label(label) == label


@given(st.text())
def test_whatever_is_taken_as_a_label_is_a_dns_label(text: str) -> None:
    try:
        label = check_label(text)
    except Refusal:
        return
    assert 1 <= len(label) <= 63
    assert set(label) <= set(LDH)
    assert not label.startswith("-")
    assert not label.endswith("-")


@pytest.mark.parametrize("name", ["acme.com", "a.b.c.de", "xn--bcher-kva.example", "1.example", "acme.xn--p1ai"])
def test_a_valid_domain_is_taken(name: str) -> None:
    assert check_fqdn(name) == name


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("com", "single name"),
        ("acme.com.", "ends with a dot"),
        ("acme..com", "empty part"),
        (".acme.com", "empty part"),
        ("Acme.com", "upper-case"),
        ("bücher.example", "xn--"),
        ("jo@acme.com", "after the `@`"),
        ("https://acme.com", "not a domain name"),
        ("10.0.0.1", "number"),
        ("acme.com\n", "not a DNS name"),
        ("_dmarc.acme.com", "not a DNS name"),
        ("-a.com", "not a DNS name"),
        (".".join(["x" * 63] * 4), "253"),
    ],
)
def test_a_bad_domain_is_refused_with_the_reason(name: str, word: str) -> None:
    with pytest.raises(Refusal, match=word):
        check_fqdn(name)


@given(st.text(st.sampled_from(LDH + ".ÄX@\n %$'\"{"), max_size=300))
def test_whatever_is_taken_as_a_domain_is_safe_in_every_file(text: str) -> None:
    try:
        name = check_fqdn(text)
    except Refusal:
        return
    assert set(name) <= set(LDH + ".")
    assert len(name) <= 253
    assert "." in name


@pytest.mark.parametrize("address", ["jo@acme.com", "jo.doe+x@acme.com", "o'neil@acme.com"])
def test_an_email_address_is_taken(address: str) -> None:
    assert check_email(address) == address


@pytest.mark.parametrize(
    "address", ["jo", "@acme.com", "jo@", "jo doe@acme.com", "jo@acme", "jo\n@acme.com", "a" * 65 + "@a.de"]
)
def test_what_is_no_email_address_is_refused(address: str) -> None:
    with pytest.raises(Refusal):
        check_email(address)


@pytest.mark.parametrize(
    "address",
    ["dmarc@acme.com", "https://acme.com", "mailto:a@b.de,mailto:c@d.de", "mailto:a@b.de!10m", "mailto:a@b.de;p=none"],
)
def test_a_report_address_cannot_change_the_dmarc_record(address: str) -> None:
    with pytest.raises(Refusal):
        check_report_address(address)


@pytest.mark.parametrize("text", ['O\'Brien & Sons "Ltd" 100% $5 {{x}} #1 \\', "Müller & Söhne", "株式会社"])
def test_text_for_people_keeps_its_signs(text: str) -> None:
    assert check_plain_text(text) == text


@pytest.mark.parametrize(
    "text", ["a\nb", "a\rb", "a\0b", "a\tb", "a\x7fb", "a\x85b", "a\u2028b", "a\u202eb", " a", "a "]
)
def test_text_for_people_is_one_line_that_reads_as_it_is(text: str) -> None:
    with pytest.raises(Refusal):
        check_plain_text(text)


@pytest.mark.parametrize("platform", ["docker", "ssh://ops@mail1.example.com", "ssh://ops@10.0.0.1:2222"])
def test_a_platform_is_taken(platform: str) -> None:
    assert check_platform(platform) == platform


def test_the_platform_that_this_release_lacks_is_said_so() -> None:
    with pytest.raises(Refusal, match="this release has no platform `aws`"):
        check_platform("aws")


@pytest.mark.parametrize(
    "platform", ["", "kubernetes", "ssh://host", "ssh://-oProxyCommand=x@h", "tcp://1.2.3.4", "ssh://a@b c"]
)
def test_what_is_no_platform_is_refused(platform: str) -> None:
    with pytest.raises(Refusal):
        check_platform(platform)
