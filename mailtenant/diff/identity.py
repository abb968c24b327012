"""Which resource of one graph is which of the other: by URN, and by what its aliases say it was called before.

As the engine does it (pulumi, deploy/step_generator): an alias names a URN, or parts of one, the rest being the
resource's own; children of an aliased parent inherit the alias, and a child whose name begins with the parent's has
that part renamed along.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailtenant.diff.image import ResourceImage

_STACK = "pulumi:pulumi:Stack"


def pair(
    base: Sequence[ResourceImage], head: Sequence[ResourceImage]
) -> list[tuple[ResourceImage | None, ResourceImage | None]]:
    """Every resource of either side once; those of the head in their order, then those that are gone."""
    left = {one.urn: one for one in base}
    former = former_urns(head)
    pairs: list[tuple[ResourceImage | None, ResourceImage | None]] = []
    for one in head:
        known = next((urn for urn in (one.urn, *former[one.urn]) if urn in left), None)
        pairs.append((left.pop(known) if known else None, one))
    return pairs + [(one, None) for one in left.values()]


def former_urns(resources: Sequence[ResourceImage]) -> dict[str, list[str]]:
    """URN → URNs that the resource may have in the state, by its own aliases and its parents'."""
    by_urn = {one.urn: one for one in resources}
    found: dict[str, list[str]] = {}

    def former(one: ResourceImage) -> list[str]:
        if one.urn not in found:
            found[one.urn] = []  # a parent is never its own child; but a broken document must not hang this
            parent = by_urn.get(one.parent)
            urns = [urn for alias in one.aliases for urn in _alias(one, alias, former(parent) if parent else [])]
            urns += _inherited(one, parent, former(parent) if parent else [])
            found[one.urn] = [urn for urn in dict.fromkeys(urns) if urn != one.urn]
        return found[one.urn]

    for one in resources:
        former(one)
    return found


def _alias(one: ResourceImage, alias: Mapping[str, Any], parents: Sequence[str]) -> Iterator[str]:
    if "urn" in alias:
        yield alias["urn"]
        return
    spec = alias.get("spec", {})
    name, type_ = spec.get("name") or one.name, spec.get("type") or one.type
    if spec.get("noParent"):
        above: list[str] = [""]
    elif spec.get("parentUrn"):
        above = [spec["parentUrn"]]
    else:
        above = [one.parent, *parents]
    for parent in above:
        yield _urn(one, parent, type_, name)


def _inherited(one: ResourceImage, parent: ResourceImage | None, parents: Sequence[str]) -> Iterator[str]:
    if parent is None:
        return
    for was in parents:
        old = was.rsplit("::", 1)[-1]
        renamed = one.name.startswith(parent.name)
        yield _urn(one, was, one.type, old + one.name[len(parent.name) :] if renamed else one.name)


def _urn(one: ResourceImage, parent: str, type_: str, name: str) -> str:
    stack, project = one.urn.split("::")[:2]
    above = parent.split("::")[2] if parent else ""
    qualified = f"{above}${type_}" if above and above != _STACK else type_
    return f"{stack}::{project}::{qualified}::{name}"
