"""The tenant document: what it derives, and every bad input with its path, its word and its fix."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mailtenant.certificates import make_local_certificates
from mailtenant.settings import Problem, SettingsErrors, TenantSettings, parse_settings
from tests.unit.settings.example import a_public_key, example_document, example_settings


def problems(document: object) -> list[Problem]:
    with pytest.raises(SettingsErrors) as caught:
        parse_settings(document)
    return list(caught.value.problems)


def put(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Sets `a.0.b` in the document."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = document
    for part in way:
        place = place[part]
    place[last] = value
    return document


def test_the_example_is_valid_and_derives_names_and_addresses() -> None:
    settings = example_settings()
    assert settings.host == "acme.outboxment.test"
    assert settings.prefix == "mt-acme"
    addresses = [settings.internal_address(name) for name in ("edge", "database", "filter", "cache")]
    assert addresses == ["10.98.0.2", "10.98.0.3", "10.98.0.4", "10.98.0.5"]
    assert settings.domain("acme.test").active_selector == "mt1"


def test_settings_cannot_be_changed() -> None:
    settings = example_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.label = "other"  # type: ignore[misc]


def test_the_smallest_document_gets_safe_defaults() -> None:
    document = example_document()
    for key in ("platform", "platform_dns", "profile", "publish", "size", "limits", "tuning", "dmarc"):
        del document[key]
    del document["capacity"]["mailbox_quota_mib"]
    settings = parse_settings(document)
    assert settings.platform_dns.provider == "manual"
    assert settings.publish is None
    assert settings.dmarc.policy == "none"
    assert settings.limits.mailbox.day == 500
    assert settings.capacity.mailbox_quota_mib == 20 * 1024 // 50


def test_named_and_explicit_sizes_are_resolved_for_every_service() -> None:
    small = example_settings().sizes
    mixed = parse_settings(example_document() | {"size": {"base": "medium", "imap": {"memory_mib": 777}}}).sizes
    assert set(small) == {"edge", "smtp", "imap", "filter", "cache", "resolver", "database", "dns", "web"}
    assert (mixed["imap"].memory_mib, mixed["imap"].cpu_shares) == (777, 1024)
    assert mixed["smtp"].memory_mib == 2 * small["smtp"].memory_mib


BAD: list[tuple[str, object, str, str]] = [
    # path to set, value, path in the problem, word
    ("mailboxs", 1, "mailboxs", "did you mean `mailboxes`"),
    ("mailbox_quota_mib", 1, "mailbox_quota_mib", "it is a key of another place"),
    ("tuning.postfix.smtpd_relay_restrictions", "x", "tuning.postfix.smtpd_relay_restrictions", "not a known key"),
    ("capacity.mailboxes", "50", "capacity.mailboxes", "without quotes"),
    ("capacity.mailboxes", True, "capacity.mailboxes", "not a whole number"),
    ("capacity.mailboxes", 0, "capacity.mailboxes", "at least 1"),
    ("capacity.mailboxes", 2.5, "capacity.mailboxes", "not a whole number"),
    (
        "capacity.mailbox_quota_mib",
        2048,
        "capacity.mailbox_quota_mib",
        "storage_gib 100, or at most mailbox_quota_mib 409",
    ),
    ("capacity", [], "capacity", "not a table"),
    ("domains", {}, "domains", "not a list"),
    ("domains", [], "domains", "at least one"),
    ("schema", 2, "schema", "use 1"),
    ("release", 2026.11, "release", "put it in quotes"),
    ("release", "a b", "release", "not in the expected form"),
    ("label", "-a", "label", "not a DNS name"),
    ("label", "x" * 64, "label", "64 characters"),
    ("label", "xn--zzzzzz9999", "label", "A-label"),
    ("label", "mail", "label", "reserved"),
    ("organisation", "Acme\nsmtpd_tls = no", "organisation", "line break"),
    ("organisation", "", "organisation", "empty"),
    ("organisation", "x" * 201, "organisation", "at most 200"),
    ("contact.name", "Jo\x1b[31m", "contact.name", "control"),
    ("contact.email", "jo", "contact.email", "not an e-mail address"),
    ("platform", "aws", "platform", "this release has no platform"),
    ("profile", "redundant", "profile", "this release has no profile"),
    ("platform_domain", "x" * 60 + ".test", "platform_domain", "Linux has room for 64"),
    ("platform_dns", {"provider": "godaddy"}, "platform_dns", "no known provider"),
    ("platform_dns", {}, "platform_dns", "no known provider"),
    ("edge.network", "-x y", "edge.network", "expected form"),
    ("edge.address", "10.99.1", "edge.address", "not an IPv4 address"),
    ("edge.address", 174260490, "edge.address", "not text"),
    ("edge.address", "127.0.0.1", "edge.address", "not an address that a host can have"),
    ("edge.address", "224.0.0.1", "edge.address", "not an address that a host can have"),
    ("edge.dns", "10.99.1.10", "edge.dns", "tenant's own address"),
    ("internal.subnet", "10.98.0.1/28", "internal.subnet", "not an IPv4 network"),
    ("internal.subnet", "10.98.0.0/29", "internal.subnet", "is a /29"),
    ("internal.subnet", "10.98.0.0/16", "internal.subnet", "is a /16"),
    ("internal.subnet", "8.8.8.0/28", "internal.subnet", "not a private network"),
    ("internal.subnet", "10.99.1.0/28", "internal.subnet", "holds an address of `edge`"),
    ("publish", "0.0.0.0", "publish", "not a loopback address"),
    ("publish", "192.168.1.1", "publish", "not a loopback address"),
    ("tls.mode", "acme", "tls.mode", "use 'local'"),
    ("tls.chain", "hello", "tls.chain", "not a certificate"),
    ("tls.ca", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", "tls.ca", "must not be in clear"),
    ("host_dkim", [], "host_dkim", "at least one"),
    ("host_dkim.0.public_key", "AAAA", "host_dkim[0].public_key", "not a public key"),
    ("domains.0.name", "acme", "domains[0].name", "single name"),
    ("domains.0.name", "ACME.test", "domains[0].name", "upper-case"),
    ("domains.0.name", "x.outboxment.test", "domains[0].name", "platform domain"),
    ("domains.0.name", "outboxment.test", "domains[0].name", "platform domain"),
    ("domains.0.dns", {"provider": "route53"}, "domains[0].dns", "no known provider"),
    ("domains.0.dns", {"provider": "cloudflare", "zone_id": "x"}, "domains[0].dns.zone_id", "expected form"),
    ("domains.0.dns", {"provider": "manual", "zone_id": "x"}, "domains[0].dns.zone_id", "not a known key"),
    ("domains.0.dkim.0.state", "retiring", "domains[0].dkim", "0 selectors are `active`"),
    ("domains.0.dkim.0.selector", "a.b", "domains[0].dkim[0].selector", "not a DNS name"),
    ("size", "huge", "size", "'small', 'medium' or 'large'"),
    ("size", {"smtp": {"memory_mib": 1}}, "size.smtp.memory_mib", "at least 16"),
    ("size", {"webmail": {}}, "size.webmail", "not a known key"),
    ("limits.mailbox.day", 49, "limits.mailbox.day", "below `hour`"),
    ("limits.warmup", {"from": "soon", "first_day": 5, "growth": 1.5}, "limits.warmup.from", "not a date"),
    ("limits.warmup", {"from": 20261201, "first_day": 5, "growth": 1.5}, "limits.warmup.from", "not a date"),
    ("limits.warmup", {"from": "2026-12-01", "first_day": 5, "growth": 1}, "limits.warmup.growth", "more than 1"),
    ("tuning.postfix.message_size_limit_mib", 201, "tuning.postfix.message_size_limit_mib", "at most 200"),
    ("dmarc.policy", "nothing", "dmarc.policy", "use 'none', 'quarantine' or 'reject'"),
    ("dmarc.reports", ["dmarc@acme.test"], "dmarc.reports[0]", "mailto:"),
]


@pytest.mark.parametrize(("path", "value", "where", "word"), BAD, ids=[f"{b[0]}-{b[3]}" for b in BAD])
def test_bad_input_gets_one_problem_at_its_path(path: str, value: object, where: str, word: str) -> None:
    found = problems(put(example_document(), path, value))
    at_path = [p for p in found if p.path == f"mailtenant:tenant.{where}"]
    assert len(at_path) == 1, found
    assert word in at_path[0].text
    assert at_path[0].fix
    # A changed label or platform domain also makes the certificate another host's.
    assert {p.path for p in found} <= {at_path[0].path, "mailtenant:tenant.tls.chain"}


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_what_is_no_table_is_refused(document: object) -> None:
    assert [p.path for p in problems(document)] == ["mailtenant:tenant"]


def test_every_problem_is_reported_at_once() -> None:
    document = example_document()
    for path, value in (("label", "-a"), ("capacity.mailboxes", "5"), ("size", "huge"), ("nonsense", 1)):
        put(document, path, value)
    assert {p.path.removeprefix("mailtenant:tenant.") for p in problems(document)} == {
        "label",
        "capacity.mailboxes",
        "size",
        "nonsense",
    }


def test_a_domain_listed_twice_is_refused_at_the_second_place() -> None:
    document = example_document()
    document["domains"] *= 2
    assert [(p.path, p.message) for p in problems(document)] == [
        ("mailtenant:tenant.domains[1].name", "is the domain of entry 0 as well")
    ]


def test_more_domains_than_bought_are_refused_with_the_numbers() -> None:
    document = put(example_document("acme", "a.test", "b.test"), "capacity.domains", 1)
    assert "2 domains, where capacity.domains is 1" in problems(document)[0].message


def test_a_selector_given_twice_is_refused() -> None:
    document = example_document()
    document["domains"][0]["dkim"].append({"selector": "mt1", "state": "pending", "public_key": a_public_key()})
    assert problems(document)[0].path == "mailtenant:tenant.domains[0].dkim[1].selector"


def test_a_message_that_no_mailbox_can_hold_is_refused() -> None:
    document = put(example_document(), "capacity.mailbox_quota_mib", 40)
    assert problems(document)[0].path == "mailtenant:tenant.tuning.postfix.message_size_limit_mib"


def test_a_chain_of_another_ca_or_host_is_refused() -> None:
    other = make_local_certificates("globex", "globex.outboxment.test", datetime.now(UTC))
    foreign_ca = put(example_document(), "tls.ca", other.ca)
    foreign_host = put(put(example_document(), "tls.ca", other.ca), "tls.chain", other.chain)
    assert [p.message for p in problems(foreign_ca)] == ["is not signed by the CA in `tls.ca`"]
    assert [p.message for p in problems(foreign_host)] == ["is not for the tenant's host name"]


def test_the_stack_must_be_called_like_the_label() -> None:
    assert parse_settings(example_document(), stack="acme").label == "acme"
    with pytest.raises(SettingsErrors, match=r"stacks/Pulumi\.other\.yaml") as caught:
        parse_settings(example_document(), stack="other")
    assert caught.value.problems[0].path == "mailtenant:tenant.label"


def test_settings_are_the_same_after_pulumis_json() -> None:
    """The program gets the document as JSON from the CLI: what it gives back must be readable."""
    settings = example_settings()
    again = TenantSettings.model_validate(settings.model_dump(mode="json", by_alias=True))
    assert again == settings
