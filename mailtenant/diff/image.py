"""The tenant image: all that a stack file comes to, as one revision's own code computed it (`stacks/offline.py`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

IMAGE_FORM: Final = 1
"""The form that this reads; a revision's answers begin with theirs."""


@dataclass(frozen=True)
class Rule:
    """Of a resource type: the inputs whose change replaces it, and those whose order does not count."""

    replaces: frozenset[str]
    unordered: frozenset[str]


@dataclass(frozen=True)
class ResourceImage:
    """One resource as it would be registered. A secret input reads `[secret <digest>]`: that can be compared."""

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    inputs: Mapping[str, Any]
    depends: Mapping[str, Sequence[str]] = field(default_factory=dict)
    protect: bool = False
    retain: bool = False
    delete_first: bool = False
    imported: bool = False
    replace_on: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    aliases: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class RecordImage:
    """A DNS record with its reason. `ttl` in seconds."""

    name: str
    type: str
    value: str
    ttl: int
    reason: str


@dataclass(frozen=True)
class TenantImage:
    """`problems` not empty: the stack file or the program refused, and nothing else is known."""

    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    records: tuple[RecordImage, ...] = ()
    resources: tuple[ResourceImage, ...] = ()
    problems: tuple[str, ...] = ()


def tenant_image(document: Mapping[str, Any]) -> TenantImage:
    """From one line of a revision's answers; keys that a later form added are not read."""
    if "problems" in document:
        return TenantImage(document["label"], problems=tuple(document["problems"]))
    if "digest" in document:
        return TenantImage(document["label"], files={"": document["digest"]})
    return TenantImage(
        document["label"],
        document["settings"],
        document["secrets"],
        document["files"],
        tuple(RecordImage(r["name"], r["type"], r["value"], int(r["ttl"]), r["reason"]) for r in document["records"]),
        tuple(_resource(one) for one in document["resources"]),
    )


def _resource(one: Mapping[str, Any]) -> ResourceImage:
    return ResourceImage(
        one["urn"],
        one["type"],
        one["name"],
        one["parent"],
        one["custom"],
        one["inputs"],
        one.get("depends", {}),
        bool(one.get("protect")),
        bool(one.get("retain")),
        bool(one.get("delete_first")),
        bool(one.get("import")),
        tuple(one.get("replace_on", ())),
        tuple(one.get("ignore", ())),
        tuple(one.get("aliases", ())),
    )


def rules_of(document: Mapping[str, Any]) -> dict[str, Rule]:
    """From the first line of a revision's answers."""
    return {
        type_: Rule(frozenset(rule["replaces"]), frozenset(rule["unordered"]))
        for type_, rule in document["rules"].items()
    }
