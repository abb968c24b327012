"""Rules over all stack files together: what one tenant has, no other may have."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from mailtenant.settings.errors import Problem, SettingsErrors
from mailtenant.settings.stackfile import StackFile, load_stack_file

_Path = tuple[str | int, ...]
# What must differ: what it is called, and each value of a tenant with its path. Values are compared, never printed.
_Uniques = Callable[[StackFile], Iterator[tuple[object, _Path]]]


def load_fleet(folder: Path, shown: Callable[[Path], str] | None = None) -> tuple[list[StackFile], list[Problem]]:
    """Every stack file of a folder that loads, and the problems of those that do not; not yet `check_fleet`."""
    files: list[StackFile] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("Pulumi.*.yaml")):
        try:
            files.append(load_stack_file(path, shown(path) if shown else None))
        except SettingsErrors as error:
            problems += error.problems
    return files, problems


def check_fleet(stack_files: Sequence[StackFile]) -> list[Problem]:
    """What two tenants claim at once. The problem stands at the later file and names the earlier one."""
    problems: list[Problem] = []
    for what, fix, uniques in _RULES:
        owners: dict[object, StackFile] = {}
        for stack_file in stack_files:
            for value, path in uniques(stack_file):
                owner = owners.setdefault(value, stack_file)
                if owner is not stack_file:
                    problems.append(stack_file.problem(path, f"is {what} in {owner.file} as well", fix))
    problems += _crossing_networks(stack_files)
    problems += _below_a_platform_domain(stack_files)
    return problems


def check_copies(stack_files: Sequence[StackFile]) -> list[Problem]:
    """What two tenants share because one file was copied from the other: encryption salt, certificates, DKIM keys."""
    problems: list[Problem] = []
    owners: dict[object, StackFile] = {}
    for stack_file in stack_files:
        salt = stack_file.encryption_salt
        owner = owners.setdefault(("salt", salt), stack_file) if salt else stack_file
        if owner is not stack_file:
            line = stack_file.document.line(("encryptionsalt",))
            message = f"is that of {owner.file}: a copied file shares its secrets"
            problems.append(Problem(stack_file.file, "encryptionsalt", message, _NOT_COPIED, line))
        for value, path in _public_halves(stack_file):
            owner = owners.setdefault(value, stack_file)
            if owner is not stack_file:
                problems.append(stack_file.problem(path, f"is that of {owner.file}", _NOT_COPIED))
    return problems


_NOT_COPIED = "make a tenant with `mailtenant new`, not from another's file"


def _public_halves(stack_file: StackFile) -> Iterator[tuple[object, _Path]]:
    settings = stack_file.settings
    yield settings.tls.chain, ("tls", "chain")
    yield settings.tls.ca, ("tls", "ca")
    for i, key in enumerate(settings.host_dkim):
        yield key.public_key, ("host_dkim", i, "public_key")
    for i, domain in enumerate(settings.domains):
        for k, selector in enumerate(domain.dkim):
            yield selector.public_key, ("domains", i, "dkim", k, "public_key")


def _label(stack_file: StackFile) -> Iterator[tuple[object, _Path]]:
    yield stack_file.settings.label, ("label",)


def _edge(stack_file: StackFile) -> Iterator[tuple[object, _Path]]:
    edge = stack_file.settings.edge
    yield (stack_file.settings.platform, edge.network, edge.address), ("edge", "address")
    if edge.address6 is not None:
        yield (stack_file.settings.platform, edge.network, edge.address6), ("edge", "address6")
    nodes = stack_file.settings.nodes
    for key, listed in (("addresses", nodes.addresses), ("addresses6", nodes.addresses6)):
        for i, address in enumerate(listed):
            yield (stack_file.settings.platform, edge.network, address), ("nodes", key, i)


def _publish(stack_file: StackFile) -> Iterator[tuple[object, _Path]]:
    settings = stack_file.settings
    if settings.publish is not None:
        yield (settings.platform, settings.publish), ("publish",)
    for i, address in enumerate(settings.nodes.publish):
        yield (settings.platform, address), ("nodes", "publish", i)


def _domains(stack_file: StackFile) -> Iterator[tuple[object, _Path]]:
    settings = stack_file.settings
    for i, domain in enumerate(settings.domains):
        yield domain.name, ("domains", i, "name")


_RULES: Iterable[tuple[str, str, _Uniques]] = (
    ("the label", "take another label", _label),
    ("the edge address", "take a free address of that network", _edge),
    ("the published address", "take a free loopback address", _publish),
    ("a domain", "a domain belongs to one tenant; remove it from one of the two", _domains),
)


def _crossing_networks(stack_files: Sequence[StackFile]) -> Iterator[Problem]:
    """Inner networks on one engine must not overlap, since the engine routes them all."""
    by_start = sorted(
        enumerate(stack_files), key=lambda f: (f[1].settings.platform, f[1].settings.internal.subnet, f[0])
    )
    widest: tuple[int, StackFile] | None = None
    for place in by_start:
        subnet = place[1].settings.internal.subnet
        if widest is not None:
            before = widest[1].settings
            if before.platform == place[1].settings.platform and before.internal.subnet.overlaps(subnet):
                (_, earlier), (_, later) = sorted((widest, place), key=lambda f: f[0])
                yield later.problem(
                    ("internal", "subnet"), f"overlaps the one in {earlier.file}", "take a free network"
                )
                # Networks nest or are apart: the wider one began first and stays the one to compare with.
                continue
        widest = place


def _below_a_platform_domain(stack_files: Sequence[StackFile]) -> Iterator[Problem]:
    """No tenant's domain lies below the platform domain of another."""
    platforms = {stack_file.settings.platform_domain for stack_file in stack_files}
    for stack_file in stack_files:
        for i, domain in enumerate(stack_file.settings.domains):
            labels = domain.name.split(".")
            if any(".".join(labels[k:]) in platforms for k in range(len(labels))):
                yield stack_file.problem(
                    ("domains", i, "name"), "is at or below a platform domain", "list the customer's own domains only"
                )
