"""What `new` proposes: labels, free places, and a document that is valid as it stands."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtenant.certificates import issue_web_certificate
from mailtenant.settings import check_fleet, parse_settings
from mailtenant.settings.annotate import stack_file_text
from mailtenant.settings.document import parse_document
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import check_label
from mailtenant.settings.proposal import EMBEDDED, HOSTED, PublicHalves, Wishes, propose_document, propose_label
from mailtenant.web import web_names
from tests.unit.settings.example import a_public_key, certificates
from tests.unit.settings.files import SALT, a_stack_file, sealed_secrets


def wishes(label: str = "acme", *domains: str, **more: object) -> Wishes:
    base = Wishes(label=label, domains=domains or (f"{label}.test",), release="2026.11", place=EMBEDDED)
    return replace(base, **more)  # type: ignore[arg-type]


def keys(asked: Wishes) -> PublicHalves:
    made = certificates(asked.label, asked.host.partition(".")[2])
    names = web_names(asked.host, asked.domains)
    web = issue_web_certificate(names, made.ca, made.ca_key, datetime(2026, 11, 1, tzinfo=UTC))[1]
    return PublicHalves(made.ca, made.chain, web, dict.fromkeys((asked.host, *asked.domains), a_public_key()))


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["Acme GmbH"], "acme"),
        (["ACME"], "acme"),
        (["Müller & Söhne KG"], "muller-and-sohne"),
        (["Straßenbau Ost AG"], "strassenbau-ost"),
        (["acme.co.uk"], "acme"),
        (["Mail", "acme.com"], "acme"),
        (["mail.com", "acme.com"], "acme"),
        (["Mail GmbH", "mail.com", "2024.com"], None),
        (["Mail", "taken.com"], "taken-2"),
        (["株式会社", "acme.com"], "acme"),
        (["", "acme.com"], "acme"),
        (["taken"], "taken-2"),
        (["x" * 80], "x" * 63),
        (["株式会社"], None),
    ],
)
def test_a_label_is_proposed_from_organisation_or_domain(names: list[str], label: str | None) -> None:
    assert propose_label(names, {"taken"}) == label


@pytest.mark.parametrize("address6", ["fd00:99::4", "2600::1", "fd00:99::"])
def test_an_ipv6_address_that_is_asked_for_stands_in_the_file_as_text(address6: str) -> None:
    asked = wishes(edge_address6=address6)
    text = stack_file_text(propose_document(asked, [], keys(asked)), {}, SALT)
    edge = parse_document(text, "the file").value["config"]["mailtenant:tenant"]["edge"]
    assert edge["address6"] == address6
    assert "address6" not in propose_document(wishes(), [], keys(wishes()))["edge"]


@given(st.text(max_size=100), st.sets(st.text("abc-", max_size=4)))
def test_a_proposed_label_is_always_valid_and_free(name: str, taken: set[str]) -> None:
    label = propose_label([name], taken)
    if label is not None:
        assert check_label(label) == label
        assert label not in taken
        assert propose_label([name], taken) == label


def test_the_first_embedded_tenant_gets_the_first_places() -> None:
    settings = parse_settings(propose_document(wishes(), [], keys(wishes())))
    assert (str(settings.edge.address), str(settings.edge.dns)) == ("10.99.1.10", "10.99.0.53")
    assert (str(settings.internal.subnet), str(settings.publish)) == ("10.98.0.0/28", "127.0.1.1")
    assert (settings.edge.network, settings.host) == ("mailtenant-world", "acme.outboxment.test")
    assert settings.domains[0].dns.provider == settings.platform_dns.provider == "local"
    assert settings.capacity.mailboxes * settings.capacity.mailbox_quota_mib <= settings.capacity.storage_gib * 1024


def test_every_further_tenant_gets_places_of_its_own(tmp_path: Path) -> None:
    others = [a_stack_file(tmp_path, f"t{n}", n) for n in range(40)]
    settings = parse_settings(propose_document(wishes(), others, keys(wishes())))
    assert (str(settings.edge.address), str(settings.internal.subnet)) == ("10.99.1.50", "10.98.2.128/28")
    planned = replace(others[0], file="stacks/Pulumi.acme.yaml", settings=settings)
    assert check_fleet([*others, planned]) == []


def test_a_gap_is_filled_and_a_wide_network_is_stepped_over(tmp_path: Path) -> None:
    others = [a_stack_file(tmp_path, "wide", 0, internal={"subnet": "10.98.0.0/24"}), a_stack_file(tmp_path, "far", 2)]
    document = propose_document(wishes(), others[:1], keys(wishes()))
    assert document["internal"]["subnet"] == "10.98.1.0/28"
    document = propose_document(wishes(), others[1:], keys(wishes()))
    assert document["edge"]["address"] == "10.99.1.10"
    assert document["internal"]["subnet"] == "10.98.0.0/28"


def test_the_last_octets_0_and_255_are_left_out(tmp_path: Path) -> None:
    place = replace(EMBEDDED, first_edge=EMBEDDED.first_edge and EMBEDDED.first_edge + 245)
    document = propose_document(wishes(place=place), [], keys(wishes()))
    assert document["edge"]["address"] == "10.99.2.1"


def test_a_full_pool_is_said_so(tmp_path: Path) -> None:
    place = replace(EMBEDDED, internal_pool=IPv4Network("10.98.0.0/28"))
    with pytest.raises(Refusal, match="--internal-subnet"):
        propose_document(wishes(place=place), [a_stack_file(tmp_path, "one", 0)], keys(wishes()))


def test_outside_the_demo_the_network_must_be_named(tmp_path: Path) -> None:
    asked = wishes(place=HOSTED, platform_domain="outboxment.test")
    with pytest.raises(Refusal, match="--edge-network"):
        propose_document(asked, [], keys(asked))
    with pytest.raises(Refusal, match="--edge-address"):
        propose_document(replace(asked, edge_network="macvlan0"), [], keys(asked))
    document = propose_document(replace(asked, edge_network="macvlan0", edge_address="203.0.113.10"), [], keys(asked))
    assert "publish" not in document
    assert "dns" not in document["edge"]
    assert document["platform_dns"] == document["domains"][0]["dns"] == {"provider": "manual"}


def test_on_a_network_of_somebodys_own_it_goes_on_after_the_tenants_there(tmp_path: Path) -> None:
    other = a_stack_file(tmp_path, "one", 0, edge={"network": "macvlan0", "address": "203.0.113.10"})
    asked = wishes(place=HOSTED, platform_domain="outboxment.test", edge_network="macvlan0")
    assert propose_document(asked, [other], keys(asked))["edge"]["address"] == "203.0.113.11"


@given(
    organisation=st.text(min_size=1, max_size=60).filter(lambda t: t.strip() == t and t.isprintable()),
    label=st.sampled_from(["acme", "1e3", "0x1f", "y", "null", "no1"]),
)
def test_the_written_file_says_exactly_what_was_proposed(organisation: str, label: str) -> None:
    asked = wishes(label, f"{label}.test", organisation=organisation)
    document = propose_document(asked, [], keys(asked))
    text = stack_file_text(document, sealed_secrets(document), SALT)
    value = parse_document(text, "f").value
    assert value["config"]["mailtenant:tenant"] == document
    assert value["config"]["mailtenant:secrets"] == sealed_secrets(document)
    assert value["encryptionsalt"] == SALT


def test_the_written_file_explains_every_section_and_helps_editors() -> None:
    document = propose_document(wishes(), [], keys(wishes()))
    lines = stack_file_text(document, sealed_secrets(document), SALT).splitlines()
    assert lines[0] == "# yaml-language-server: $schema=../docs/tenant.schema.json"
    for section in ("schema", "platform", "edge", "domains", "capacity", "size", "limits", "tuning", "dmarc", "tls"):
        at = next(n for n, line in enumerate(lines) if line.startswith(f"    {section}:"))
        assert lines[at - 1].startswith("    # "), section
    assert max(map(len, (line for line in lines if line.lstrip().startswith("#")))) <= 120
