"""Each scaling edit of docs/scaling.md on real servers: what the engine previews, and mail that flows through the `up`.

The table `docs/examples/scaling.md` is what the engine said here; `UPDATE_GOLDEN=1` writes it anew. The edits build on
each other, in this order.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailtenant.ci.engine import EngineStep, engine_change
from mailtenant.settings import load_stack_file
from tests.golden import assert_golden
from tests.world.conftest import NETWORK, SUBNET
from tests.world.flow import Flow
from tests.world.tenants import RunningTenant
from world import World, places_of
from world.outside import OutsideMx

TABLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "scaling.md"
HEAD = """# What the engine previews for each scaling edit

Written by `tests/world/test_scaling.py` from `pulumi preview --json` of a real tenant; each edit was then carried out
while mail came in from outside, and none was lost, doubled or refused for good. Names are without the tenant's
`mt-LABEL-`; `config` is a volume of files, named after what it holds.

| edit | `pulumi preview` |
|---|---|
"""
_LINE = {
    "capacity": "{mailboxes: 60, domains: 6, storage_gib: 30, mailbox_quota_mib: 450}",
    "limits": "{mailbox: {hour: 100000, day: 100000}, domain: {day: 100000}, tenant: {day: 90000}}",
    "size": "{base: small, imap: {memory_mib: 640}, smtp: {cpu_shares: 900}}",
    "tuning": "{postfix: {message_size_limit_mib: 60}, dovecot: {}, health: {interval_seconds: 5}}",
}
WAY_OUT = ["--address", "10.97.1.20", "--address", "10.97.1.21", "--publish", "127.0.2.20", "--publish", "127.0.2.21"]


def line(key: str, value: str) -> Callable[[RunningTenant], None]:
    """Sets one line of the stack file."""
    return lambda tenant: tenant.set_line(key, value)


def number_of_nodes(number: int) -> Callable[[RunningTenant], None]:
    return lambda tenant: tenant.edit(r"\bsmtp: \d+$", f"smtp: {number}")


def first_nodes(tenant: RunningTenant) -> None:
    tenant.cli("nodes", tenant.label, "--smtp", "3", *WAY_OUT)


def new_domain(tenant: RunningTenant) -> None:
    tenant.cli("domain", "add", tenant.label, "beta-two.test")


@dataclass(frozen=True)
class Edit:
    """`what` is the table's first column. `deletes`: the edit takes something away that is protected."""

    what: str
    make: Callable[[RunningTenant], None]
    deletes: bool = False


EDITS = (
    Edit("`capacity.*`: more mailboxes, domains, storage, quota", line("capacity", _LINE["capacity"])),
    Edit("a new domain (`mailtenant domain add`)", new_domain),
    Edit("`limits.*`", line("limits", _LINE["limits"])),
    Edit("`size`: memory of imap, CPU of smtp", line("size", _LINE["size"])),
    Edit(
        "`size`: memory of the database", line("size", _LINE["size"].replace("}}", "}, database: {memory_mib: 320}}"))
    ),
    Edit("`tuning.postfix.message_size_limit_mib`", line("tuning", _LINE["tuning"])),
    Edit("`nodes.smtp` from 1 to 3 (`mailtenant nodes`)", first_nodes),
    Edit("`nodes.smtp` from 3 to 2", number_of_nodes(2), deletes=True),
    Edit("`nodes.smtp` from 2 to 1", number_of_nodes(1), deletes=True),
)


@pytest.fixture
def scaled(beta: RunningTenant, alpha: RunningTenant) -> Iterator[RunningTenant]:
    """beta, whose stack file is put back, and up, at the end; the world's DNS knows the names that it will have."""
    try:
        with beta.put_back():
            yield beta
    finally:
        World(name=NETWORK, subnet=SUBNET).up(places_of([load_stack_file(t.stack_file) for t in (alpha, beta)]))


def summary(label: str, steps: tuple[EngineStep, ...]) -> str:
    """`update: imap, smtp; replace: limits-carrier`."""
    by_op: dict[str, set[str]] = defaultdict(set)
    for step in steps:
        if step.type.startswith(("mailtenant:", "pulumi:")):
            continue
        name = re.sub(r"-(?:[0-9a-f]{12}|\[secret\])", "", step.name).removeprefix(f"mt-{label}-")
        data = "volume" in step.type and not re.search("config|secrets", name)
        by_op[step.op].add(f"{name} (volume)" if data else name)
    operations = [op for op in ("create", "update", "replace", "delete") if op in by_op]
    return "; ".join(f"{op}: {', '.join(sorted(by_op[op]))}" for op in operations)


def test_each_edit_is_previewed_as_documented_and_loses_no_mail(
    scaled: RunningTenant, alpha: RunningTenant, outside: OutsideMx
) -> None:
    ann, table = scaled.mailbox("ann"), HEAD
    alphas = alpha.docker("ps", "-q", "--no-trunc", "--filter", f"label=mailtenant.tenant={alpha.label}").stdout
    for edit in EDITS:
        edit.make(scaled)
        World(name=NETWORK, subnet=SUBNET).up(places_of([load_stack_file(t.stack_file) for t in (alpha, scaled)]))
        change = engine_change(scaled.label, "deployed", json.loads(scaled.pulumi("preview", "--json").stdout))
        lost = [step.name for step in change.steps if step.protected and step.op in ("replace", "delete")]
        assert edit.deletes or not lost, f"{edit.what}: {lost}"
        table += f"| {edit.what} | {summary(scaled.label, change.steps)} |\n"
        with Flow(outside, ann) as flow:
            scaled.up()
        flow.nothing_is_lost(scaled)
    scaled.pulumi("preview", "--expect-no-changes")
    assert (
        alphas == alpha.docker("ps", "-q", "--no-trunc", "--filter", f"label=mailtenant.tenant={alpha.label}").stdout
    ), "the neighbour was touched"
    assert_golden(TABLE, table)
