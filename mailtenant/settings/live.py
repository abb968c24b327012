"""Settings against what a running tenant uses: a capacity below use is refused with the number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from typing import Protocol

from mailtenant.settings.errors import Problem
from mailtenant.settings.model import TenantSettings


@dataclass(frozen=True)
class InUse:
    """`quotas_mib`: one entry a mailbox, None for the default. `by_domain`: mailboxes of each domain."""

    quotas_mib: Sequence[int | None]
    by_domain: Mapping[str, int]


class Judged(Protocol):
    """Settings, and how a problem at one of their paths is named: a StackFile, for one."""

    @property
    def settings(self) -> TenantSettings:
        """What is judged."""

    def problem(self, path: tuple[str | int, ...], message: str, fix: str) -> Problem:
        """A problem at a path below `mailtenant:tenant`."""


def live_problems(stack_file: Judged, in_use: InUse) -> Iterator[Problem]:
    """What the settings put below use."""
    capacity = stack_file.settings.capacity
    used = len(in_use.quotas_mib)
    if used > capacity.mailboxes:
        yield stack_file.problem(
            ("capacity", "mailboxes"),
            f"{capacity.mailboxes} is below the {used} in use",
            f"remove {_mailboxes(used - capacity.mailboxes)} or set at least {used}",
        )
    promised = sum(capacity.mailbox_quota_mib if quota is None else quota for quota in in_use.quotas_mib)
    if promised > capacity.storage_gib * 1024:
        yield stack_file.problem(
            ("capacity", "storage_gib"),
            f"{capacity.storage_gib} GiB are below the {promised} MiB that the mailboxes' quotas sum to",
            f"lower quotas or set at least {-(-promised // 1024)}",
        )
    listed = {domain.name for domain in stack_file.settings.domains}
    for name, count in sorted(in_use.by_domain.items()):
        if count and name not in listed:
            yield stack_file.problem(
                ("domains",),
                f"{name} is no longer listed and has {_mailboxes(count)}",
                "list it again, or remove them first",
            )


def host_problems(stack_file: Judged, reserved_mib: int, others_mib: int, total_mib: int) -> Iterator[Problem]:
    """More memory reserved than the host has. All in MiB; `others_mib`: by the other tenants there."""
    free = total_mib - others_mib
    if reserved_mib > free:
        yield stack_file.problem(
            ("size",),
            f"reserves {reserved_mib} MiB, where the host has {max(free, 0)} of its {total_mib} MiB left beside its "
            "other tenants",
            "take a smaller size or fewer nodes, or another host",
        )


def edge_problems(stack_file: Judged, ipv6: bool, subnets6: Sequence[IPv6Network]) -> Iterator[Problem]:
    """IPv6 addresses that the edge network cannot hold, as the engine says what it is."""
    settings = stack_file.settings
    if settings.edge.address6 is None:
        return
    network = settings.edge.network
    if not ipv6 or not subnets6:
        yield stack_file.problem(
            ("edge", "address6"),
            f"is set, and the engine's network {network} has no IPv6",
            "make the network with `--ipv6` and an IPv6 `--subnet` (docs/operations.md), or leave `address6` out",
        )
        return
    places: dict[tuple[str | int, ...], IPv6Address | None] = {("edge", "address6"): settings.edge.address6}
    places |= {("nodes", "addresses6", i): node.address6 for i, node in enumerate(settings.smtp_nodes[1:])}
    shown = ", ".join(map(str, subnets6))
    for path, address in places.items():
        if not any(address in subnet for subnet in subnets6):
            yield stack_file.problem(path, f"is not in {shown}, which {network} has", "take a free one of that network")


def _mailboxes(count: int) -> str:
    return f"{count} mailbox{'' if count == 1 else 'es'}"
