"""Graphs compared, by the provider's rules: what replaces, what follows from a replace, what an alias saves."""

from typing import Any

import pytest

from mailtenant.diff.graph import ResourceChange, changes
from mailtenant.diff.identity import former_urns
from mailtenant.diff.image import ResourceImage, Rule

CONTAINER, VOLUME = "docker:index/container:Container", "docker:index/volume:Volume"
RULES = {
    CONTAINER: Rule(frozenset({"image", "networkMode", "networksAdvanced", "volumes", "ports"}), frozenset({"ports"})),
    VOLUME: Rule(frozenset({"name", "labels"}), frozenset({"labels"})),
}
TENANT = "urn:pulumi:acme::mailtenant::mailtenant:index:TenantMail::acme"


def resource(name: str, type_: str = CONTAINER, parent: str = TENANT, **options: Any) -> ResourceImage:
    inputs = options.pop("inputs", {})
    above = parent.split("::")[2]
    urn = f"urn:pulumi:acme::mailtenant::{above}${type_}::{name}"
    return ResourceImage(urn, type_, name, parent, options.pop("custom", True), inputs, **options)


def ops(found: tuple[ResourceChange, ...]) -> dict[str, str]:
    return {one.name: one.op for one in found}


def test_the_same_graph_changes_nothing_in_any_order_of_sets() -> None:
    old = resource("smtp", inputs={"ports": [{"external": 25}, {"external": 465}], "readOnly": False, "dns": []})
    new = resource("smtp", inputs={"ports": [{"external": 465}, {"external": 25}]})
    assert changes([old], [new], RULES) == ()


def test_order_counts_where_the_schema_has_a_list() -> None:
    old, new = resource("smtp", inputs={"command": ["a", "b"]}), resource("smtp", inputs={"command": ["b", "a"]})
    assert ops(changes([old], [new], RULES)) == {"smtp": "update"}


@pytest.mark.parametrize(("key", "op"), [("image", "replace"), ("memory", "update")])
def test_the_schema_says_what_replaces(key: str, op: str) -> None:
    old, new = resource("smtp", inputs={key: "1"}), resource("smtp", inputs={key: "2"})
    (one,) = changes([old], [new], RULES)
    assert (one.op, one.inputs[0].key, one.inputs[0].replaces) == (op, key, op == "replace")


def test_an_option_of_the_resource_replaces_or_ignores_as_well() -> None:
    old = resource("smtp", inputs={"init": False, "memory": 1})
    new = resource("smtp", inputs={"init": True, "memory": 2}, replace_on=("init",), ignore=("memory",))
    (one,) = changes([old], [new], RULES)
    assert (one.op, [i.key for i in one.inputs]) == ("replace", ["init"])


def test_what_joined_a_replaced_container_is_replaced_with_it() -> None:
    def side(image: str) -> list[ResourceImage]:
        edge = resource("edge", inputs={"image": image})
        joined = resource("smtp", inputs={"networkMode": "container:[id of edge]"}, depends={"networkMode": [edge.urn]})
        return [edge, joined, resource("database", inputs={"image": "same"})]

    found = changes(side("1"), side("2"), RULES)
    assert ops(found) == {"edge": "replace", "smtp": "replace"}
    assert found[1].inputs[0].because == "edge is replaced"


def test_a_deletion_ahead_of_the_replace_takes_dependents_along_only_by_inputs_that_replace() -> None:
    def side(subnet: str, *, first: bool) -> list[ResourceImage]:
        network = resource("net", VOLUME, inputs={"name": subnet}, delete_first=first)
        on_it = resource(
            "filter", inputs={"networksAdvanced": [{"name": "n"}]}, depends={"networksAdvanced": [network.urn]}
        )
        beside = resource("check", inputs={"memory": 1}, depends={"memory": [network.urn]})
        return [network, on_it, beside]

    assert ops(changes(side("1", first=True), side("2", first=True), RULES)) == {"net": "replace", "filter": "replace"}
    assert ops(changes(side("1", first=False), side("2", first=False), RULES)) == {"net": "replace"}


def test_a_protected_resource_comes_first_whatever_happens_to_it() -> None:
    old = [
        resource("a-new-image", inputs={"image": "1"}),
        resource("mail", VOLUME, inputs={"name": "m1"}, protect=True, retain=True),
        resource("queue", VOLUME, protect=True),
        resource("database", VOLUME, protect=True),
    ]
    new = [
        resource("a-new-image", inputs={"image": "2"}),
        resource("mail", VOLUME, inputs={"name": "m2"}, protect=True, retain=True),
        resource("database", VOLUME),
    ]
    found = changes(old, new, RULES)
    assert [(one.name, one.op, one.loses_data) for one in found] == [
        ("mail", "replace", True),
        ("queue", "delete", True),
        ("database", "update", True),
        ("a-new-image", "replace", False),
    ]
    assert found[2].unprotects


def test_components_are_not_listed_but_their_children_are() -> None:
    component = resource("smtp", "mailtenant:index:SmtpServer", custom=False)
    child = resource("smtp-queue", VOLUME, component.urn)
    assert ops(changes([], [component, child], RULES)) == {"smtp-queue": "create"}


def test_an_alias_by_name_type_parent_or_urn_is_found() -> None:
    for alias, was in (
        ({"spec": {"name": "queue"}}, resource("queue", VOLUME)),
        ({"spec": {"type": "docker:index/old:Old"}}, resource("spool", "docker:index/old:Old")),
        ({"urn": "urn:pulumi:acme::mailtenant::x::y"}, None),
        ({"spec": {"noParent": True}}, None),
    ):
        new = resource("spool", VOLUME, aliases=(alias,), protect=True)
        urns = former_urns([new])[new.urn]
        expected = {
            "urn": "urn:pulumi:acme::mailtenant::x::y",
            "spec": f"urn:pulumi:acme::mailtenant::{VOLUME}::spool",
        }[next(iter(alias))]
        assert (was.urn if was else expected) in urns


def test_children_inherit_the_alias_of_a_renamed_parent() -> None:
    def tree(name: str, **options: Any) -> list[ResourceImage]:
        parent = resource(name, "mailtenant:index:SmtpServer", custom=False, **options)
        below = resource(f"{name}-queue", "mailtenant:index:MailVolume", parent.urn, custom=False)
        return [parent, below, resource(f"{name}-queue", VOLUME, below.urn, protect=True)]

    renamed = tree("acme-mta", aliases=({"spec": {"name": "acme-smtp"}},))
    assert [(one.op, one.loses_data) for one in changes(tree("acme-smtp"), renamed, RULES)] == [("rename", False)]
    assert {one.op for one in changes(tree("acme-smtp"), tree("acme-mta"), RULES)} == {"create", "delete"}
