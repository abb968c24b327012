"""Of 1,000 tenants, no two know of each other: no file, record or resource of one names the other."""

import json
import random
import re
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mailtenant.certificates import issue_web_certificate
from mailtenant.dkim import generate_private_key, public_half
from mailtenant.dns import local_zones, policies, records
from mailtenant.rendering import render_tenant
from mailtenant.secrets import TenantSecrets, parse_secrets
from mailtenant.settings import TenantSettings, parse_settings
from tests import samples
from tests.stack.graph import graph

COUNT = 1000
SHARED = {"mailtenant-world", "10.99.0.53"}
"""What tenants may share by name: the network that stands for the internet, and its resolver."""


@cache
def key(number: int) -> str:
    return generate_private_key()


@cache
def tenant(number: int) -> TenantSettings:
    """Tenant `number` of the thousand: always the same, each of its own kind."""
    chance = random.Random(number)
    label = f"t{number:04d}x"
    public = public_half(key(number))
    domains = [f"{label}-{i}.test" for i in range(chance.randint(1, 3))]
    document: dict[str, Any] = samples.document(label, *domains, number=number)
    document["internal"] = {"subnet": f"10.{100 + number // 4096}.{number // 16 % 256}.{number % 16 * 16}/28"}
    document["host_dkim"][0]["public_key"] = public
    for domain in document["domains"]:
        domain["dkim"][0]["public_key"] = public
    document["contact"] = {"name": f"Person {label}", "email": f"person@{label}.example"}
    document["size"] = chance.choice(["small", "medium", {"base": "small", "smtp": {"memory_mib": 300 + number}}])
    document["limits"] = {"mailbox": {"hour": 10 + number, "day": 100_000}}
    document["tuning"] = {"postfix": {"message_size_limit_mib": chance.randint(1, 200)}}
    if chance.random() < 0.5:
        host = f"{label}.outboxment.test"
        made = samples.certificates(host)
        names = [f"mx{n}.{host}" for n in (2, 3)]
        chain = issue_web_certificate(names, made.ca, made.ca_key, samples.NOW)[1]
        places = [f"10.99.{100 + number // 100}.{number % 100 * 2 + n}" for n in (2, 3)]
        document["nodes"] = {"smtp": chance.randint(2, 3), "addresses": places, "chain": chain}
    if chance.random() < 0.5:
        document["edge"]["address6"] = f"fd00:99::{number + 1:x}:1"
        if "nodes" in document:
            document["nodes"]["addresses6"] = [f"fd00:99::{number + 1:x}:{n}" for n in (2, 3)]
    return parse_settings(document, stack=label)


@cache
def secrets(number: int) -> TenantSecrets:
    document = samples.secrets_document(tenant(number))
    document["dkim"] = {zone: dict.fromkeys(keys, key(number)) for zone, keys in document["dkim"].items()}
    if tenant(number).nodes.smtp > 1:
        document["tlsNodesKey"] = f"canary-nodes-{tenant(number).label}"
    return parse_secrets(document)


@cache
def everything(number: int) -> str:
    """All that is made of a tenant: files, records, resources with their secrets."""
    one = tenant(number)
    files = render_tenant(one, zones=local_zones(one), policies=policies(one))
    # The mocks keep the root resource of the first program that ran in this process: a parent only, and no tenant's.
    resources = [
        [r.type, r.name, "" if "pulumi:pulumi:Stack" in r.parent else r.parent, r.inputs]
        for r in graph(one, secrets(number))
    ]
    return json.dumps(
        [[[f.tree_path, f.content] for f in files], [str(r) for r in records(one)], resources], ensure_ascii=False
    )


@cache
def marks(number: int) -> frozenset[str]:
    """What names this tenant, and nobody else."""
    one = tenant(number)
    found = {one.label, one.prefix, one.host, one.organisation, one.contact.email, str(one.internal.subnet)}
    found |= {domain.name for domain in one.domains} | {str(a) for node in one.smtp_nodes for a in node.addresses}
    found |= {str(address) for address in one.internal.subnet.hosts()} | {str(one.publish)}
    found |= {one.domains[0].dkim[0].public_key, one.tls.chain.splitlines()[2]}
    leaves = secrets(number).model_dump()
    stack = list(leaves.values())
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif value is not None:
            found.add(
                value.get_secret_value().strip().splitlines()[-2 if "\n" in value.get_secret_value().strip() else 0]
            )
    return frozenset(found)


def holds(text: str, mark: str) -> bool:
    """As a word of its own: 10.99.1.1 does not stand in 10.99.1.10."""
    return re.search(rf"(?<![0-9A-Za-z.]){re.escape(mark)}(?![0-9A-Za-z])", text) is not None


@given(pair=st.lists(st.integers(0, COUNT - 1), min_size=2, max_size=2, unique=True))
@settings(max_examples=8, deadline=None)
def test_no_two_of_a_thousand_tenants_know_of_each_other(pair: list[int]) -> None:
    for one, other in (pair, pair[::-1]):
        text = everything(one)
        assert all(holds(text, mark) for mark in (tenant(one).label, tenant(one).host, str(tenant(one).edge.address)))
        found = {mark[:40] for mark in marks(other) - SHARED if holds(text, mark)}
        assert not found, f"{tenant(one).label} knows of {tenant(other).label}"


@given(number=st.integers(0, COUNT - 1), other=st.integers(0, COUNT - 1), size=st.integers(1, 200))
@settings(max_examples=25, deadline=None)
def test_tuning_one_tenant_changes_no_byte_of_another(number: int, other: int, size: int) -> None:
    if number == other:
        return
    before = render_tenant(tenant(other), zones=local_zones(tenant(other)))
    document = tenant(number).model_dump(mode="json", by_alias=True)
    document["tuning"] = {
        "postfix": {"message_size_limit_mib": size, "snippet": "smtp_connect_timeout = 20s"},
        "dovecot": {"snippet": "imap_max_line_length = 64k"},
        "rspamd": {"scores": {"R_SPF_FAIL": 2}},
    }
    tuned = parse_settings(document, stack=tenant(number).label)
    assert render_tenant(tuned) != render_tenant(tenant(number))
    assert render_tenant(tenant(other), zones=local_zones(tenant(other))) == before
