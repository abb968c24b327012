"""The resource graph: names that are state, protection, least privilege, no secret in the open."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import samples
from tests.golden import assert_golden
from tests.stack.graph import Registered, graph

CONTAINER, VOLUME = "docker:index/container:Container", "docker:index/volume:Volume"


@pytest.fixture(scope="module")
def acme() -> Sequence[Registered]:
    return graph(samples.settings())


def running(resources: Sequence[Registered]) -> list[Registered]:
    return [r for r in resources if r.type == CONTAINER and r.inputs.get("start") is not False]


def unversioned(name: str) -> str:
    """Without the digest of content that names a set of files."""
    return re.sub(r"-[0-9a-f]{12}\b", "-VERSION", name)


def test_types_and_logical_names_are_state_and_do_not_move(acme: Sequence[Registered]) -> None:
    """A rename here is a delete and create of somebody's mail store: give an alias, or do not rename."""
    lines = sorted(f"{r.type}  {unversioned(r.name)}  below {r.parent.rsplit('::', 1)[-1] or '-'}" for r in acme)
    assert_golden(Path(__file__).parent / "golden" / "urns.txt", "\n".join(lines) + "\n")


def test_just_the_volumes_that_hold_mail_are_protected_and_retained(acme: Sequence[Registered]) -> None:
    protected = {r.inputs["name"] for r in acme if r.protect and r.type == VOLUME}
    assert protected == {"mt-acme-mail", "mt-acme-queue", "mt-acme-database"}
    assert {r.inputs["name"] for r in acme if r.retain_on_delete and r.type == VOLUME} == protected
    assert not [r.name for r in acme if r.protect and r.type == CONTAINER]


def test_every_running_container_has_least_privilege_and_limits(acme: Sequence[Registered]) -> None:
    assert len(running(acme)) == 8
    for container in running(acme):
        inputs, name = container.inputs, container.name
        assert inputs.get("readOnly", False) is not name.endswith("-edge"), name
        assert inputs["capabilities"]["drops"] == ["ALL"], name
        adds = inputs["capabilities"].get("adds", [])
        assert adds == sorted(adds), f"{name}: unsorted capabilities are replaced at every refresh"
        assert all(cap.startswith("CAP_") for cap in adds), name
        assert inputs["securityOpts"] == ["no-new-privileges"], name
        assert inputs["memory"] == inputs["memorySwap"] > 0, name
        assert inputs["image"].startswith("sha256:"), name
        assert "privileged" not in inputs, name
        assert "ulimits" not in inputs, f"{name}: ulimits count per uid over the whole host"
        assert container.delete_before_replace, name


def test_the_filter_knows_a_domain_and_its_key_before_the_database_does(acme: Sequence[Registered]) -> None:
    after = {r.name: {urn.rsplit("::", 1)[-1] for urn in r.after} for r in acme}
    assert "acme-filter-dkim-selectors" in after["acme-database-accounts-carrier"]
    assert "acme-filter-dkim-keys" in after["acme-filter-dkim-selectors"]


def test_all_objects_carry_the_tenants_label_and_prefix(acme: Sequence[Registered]) -> None:
    for resource in acme:
        if resource.type in (CONTAINER, VOLUME, "docker:index/network:Network"):
            assert resource.inputs["name"].startswith("mt-acme-"), resource.name
            assert {"label": "mailtenant.tenant", "value": "acme"} in resource.inputs["labels"], resource.name


def test_secrets_are_marked_wherever_they_are_an_input(acme: Sequence[Registered]) -> None:
    tenant = samples.settings()
    document = samples.secrets_document(tenant)
    values = [v for v in document.values() if isinstance(v, str)] + [samples.private_key()]
    holding = [r for r in acme if any(json.dumps(v)[1:-1] in json.dumps(r.inputs) for v in values)]
    assert holding, "the secrets must be somewhere"
    for resource in holding:
        assert resource.secret == {"uploads[].content"}, resource.name
        assert "envs" not in resource.inputs


def test_a_carrier_of_secrets_carries_nothing_else(acme: Sequence[Registered]) -> None:
    """One secret among the uploads blanks the whole list in a diff."""
    for resource in acme:
        if resource.secret:
            paths = [upload["file"] for upload in resource.inputs["uploads"]]
            assert all(path.startswith(("/run/secrets-in/", "/var/lib/dkim/keys/")) for path in paths), resource.name


def test_a_changed_file_renames_just_its_own_config_volume() -> None:
    def volumes(resources: Sequence[Registered]) -> set[str]:
        return {r.inputs["name"] for r in resources if r.type == VOLUME}

    before = volumes(graph(samples.settings()))
    after = volumes(graph(samples.settings(tuning={"postfix": {"message_size_limit_mib": 51}})))
    changed = {name.rsplit("-", 1)[0] for name in before ^ after}
    assert "mt-acme-smtp-config" in changed
    assert changed <= {"mt-acme-smtp-config", "mt-acme-imap-config"}


def test_a_set_of_files_is_never_replaced_but_created_and_deleted_by_its_content(acme: Sequence[Registered]) -> None:
    """A replaced one would wait in the state for its deletion, under the name that an undo wants to create."""
    after = graph(samples.settings(tuning={"postfix": {"message_size_limit_mib": 51}}))
    names = {r.urn: r.inputs["name"] for r in acme if r.type in (CONTAINER, VOLUME)}
    for one in after:
        if one.type in (CONTAINER, VOLUME):
            assert names.get(one.urn, one.inputs["name"]) == one.inputs["name"], one.name
    versioned = [r for r in acme if unversioned(r.inputs.get("name", "")) != r.inputs.get("name", "")]
    assert len(versioned) == 2 * len([r for r in versioned if r.type == VOLUME]) > 20
    for one in versioned:
        # What tenants had in their state before names held the version.
        former = one.name.replace(one.inputs["name"].removeprefix("mt-acme")[-13:], "")
        assert [alias["spec"]["name"] for alias in one.aliases] == [former], one.name
        assert one.type == VOLUME or one.ignore_changes == ("image",), f"{one.name}: replaced with each release"


def test_a_changed_secret_renames_its_volume_without_telling_it() -> None:
    tenant = samples.settings()
    other = samples.secrets(tenant).model_copy(
        update={
            "databaseReaderPassword": samples.parse_secrets(
                {**samples.secrets_document(tenant), "databaseReaderPassword": "x"}
            ).databaseReaderPassword
        }
    )

    def names(resources: Sequence[Registered]) -> set[str]:
        return {r.inputs["name"] for r in resources if r.type == VOLUME and "-secrets-" in r.inputs["name"]}

    changed = {name.rsplit("-", 1)[0] for name in names(graph(tenant)) ^ names(graph(tenant, other))}
    assert changed == {"mt-acme-smtp-secrets", "mt-acme-imap-secrets", "mt-acme-database-secrets"}


def test_two_tenants_share_no_name_and_no_address() -> None:
    one, two = graph(samples.settings("acme")), graph(samples.settings("globex", number=1))

    def held(resources: Sequence[Registered]) -> set[str]:
        names = {r.inputs["name"] for r in resources if r.type in (CONTAINER, VOLUME, "docker:index/network:Network")}
        networks = [n for r in resources if r.type == CONTAINER for n in r.inputs.get("networksAdvanced", [])]
        published = {f"{p['ip']}:{p['external']}" for r in resources for p in r.inputs.get("ports", [])}
        return names | {n["ipv4Address"] for n in networks} | published

    assert held(one).isdisjoint(held(two))


def test_the_edge_alone_has_the_ipv6_address_and_the_inner_network_none() -> None:
    tenant = samples.settings(edge={**samples.document()["edge"], "address6": "fd00:99::4"})
    held = {
        (r.name, network["name"]): network.get("ipv6Address")
        for r in graph(tenant)
        if r.type == CONTAINER
        for network in r.inputs.get("networksAdvanced", ())
    }
    assert {place: six for place, six in held.items() if six} == {("acme-edge", "mailtenant-world"): "fd00:99::4"}
    published = [port["ip"] for r in graph(tenant) for port in r.inputs.get("ports", ())]
    assert published and not [ip for ip in published if ":" in ip]


def test_without_an_ipv6_address_nothing_is_registered_differently(acme: Sequence[Registered]) -> None:
    assert "ipv6" not in json.dumps([r.inputs for r in acme]).lower().replace("net.ipv6", "")


def test_without_local_zones_there_is_no_authoritative_server() -> None:
    tenant = samples.settings(
        platform_dns={"provider": "manual"},
        domains=[{**samples.document()["domains"][0], "dns": {"provider": "manual"}}],
    )
    assert "mt-acme-dns" not in {r.inputs.get("name") for r in graph(tenant)}


def test_where_records_are_entered_by_hand_no_dns_provider_is_in_the_stack() -> None:
    domains = [{**samples.document()["domains"][0], "dns": {"provider": "manual"}}]
    for name, dns in (("none", {"provider": "manual"}), ("local", {"provider": "local"})):
        kinds = {r.type for r in graph(samples.settings(platform_dns=dns, domains=domains))}
        assert not [kind for kind in kinds if "cloudflare" in kind.lower() or "godaddy" in kind.lower()], name
