"""The cause of every difference between plan and publication, in words with a fix."""

import pytest

from mailtenant.dns.lookup import Answers
from mailtenant.dns.records import Record
from mailtenant.dns.verify import Seen, judge_key, judge_set

ZONE = "acme.com"


def record(type_: str, value: str, name: str = ZONE) -> Record:
    return Record(ZONE, name, type_, value, 3600, "", "customer")  # type: ignore[arg-type]


SPF, LONG = "v=spf1 include:_spf.h.example ~all", "v=DKIM1; k=rsa; p=" + "A" * 300
CASES = [
    ("as planned", "TXT", [SPF], [SPF], "ok", "as planned"),
    ("somebody's text beside", "TXT", [SPF], [SPF, "verification=1"], "ok", "as planned"),
    ("nothing there", "TXT", [SPF], [], "wrong", "missing"),
    ("old value", "MX", ["10 h.example"], ["10 old.example"], "wrong", "is 10 old.example, not 10 h.example"),
    ("old value beside", "MX", ["10 h.example"], ["10 h.example", "20 old.example"], "wrong", "old value still there"),
    ("two SPF", "TXT", [SPF], [SPF, "v=spf1 -all"], "wrong", "old value still there"),
    ("preference", "MX", ["10 h.example"], ["0 h.example"], "wrong", "preference 0, not 10"),
    ("something after", "TXT", [SPF], [f"{SPF} x"], "wrong", "something after it"),
    ("spaces", "TXT", [SPF], [SPF.replace(" ", "  ")], "wrong", "spaces or line breaks"),
    ("case of a text", "TXT", ["v=DKIM1; p=AbC"], ["v=DKIM1; p=aBC"], "wrong", "upper and lower case"),
    ("case of a name", "MX", ["10 h.example"], ["10 H.Example"], "ok", "as planned"),
]


@pytest.mark.parametrize(
    ("type_", "planned", "seen", "state", "said"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_each_cause_has_its_words(type_: str, planned: list[str], seen: list[str], state: str, said: str) -> None:
    result = judge_set(ZONE, type_, [record(type_, v) for v in planned], Seen(tuple(seen), 300), "ns1", Seen())
    assert result.state == state and said in result.said
    assert state == "ok" or result.fix


def test_quotes_and_cut_keys_are_named() -> None:
    name = f"k._domainkey.{ZONE}"
    planned = [record("TXT", LONG, name)]
    assert "cut off after 255" in judge_set(name, "TXT", planned, Seen((LONG[:255],)), "ns1", Seen()).said
    assert "quotation marks" in judge_set(name, "TXT", planned, Seen((f'"{LONG}"',)), "ns1", Seen()).said


def test_a_name_with_the_zone_twice_is_found() -> None:
    name = f"_dmarc.{ZONE}"
    planned = [record("TXT", "v=DMARC1; p=none", name)]
    result = judge_set(name, "TXT", planned, Seen(), "ns1", Seen(("v=DMARC1; p=none",)))
    assert result.said.startswith(f"stands at _dmarc.{ZONE}.{ZONE}") and "without .acme.com" in result.fix


def test_a_silent_server_is_unknown_and_not_wrong() -> None:
    assert judge_set(ZONE, "MX", [record("MX", "10 h")], Seen(problem="no answer"), "ns1", Seen()).state == "unknown"


def test_another_key_than_the_private_one_fails_every_signature() -> None:
    assert judge_key(ZONE, "k", ["v=DKIM1; p=AB C"], "ABC", "ns1").ok
    assert "every signature fails" in judge_key(ZONE, "k", ["v=DKIM1; p=XYZ"], "ABC", "ns1").said
    assert "no key" in judge_key(ZONE, "k", [], "ABC", "ns1").said


def test_a_server_may_have_a_port_and_must_be_an_address() -> None:
    assert (Answers.at("127.0.0.1:5353").address, Answers.at("127.0.0.1:5353").port) == ("127.0.0.1", 5353)
    assert Answers.at("2001:db8::1").address == "2001:db8::1"
    assert (Answers.at("[2001:db8::1]:53").address, Answers.at("[2001:db8::1]:53").port) == ("2001:db8::1", 53)
    with pytest.raises(ValueError, match="does not appear"):
        Answers.at("one.one.one.one")
