"""Several mail servers in the settings: places, names, certificate, records."""

from typing import Any

import pytest

from mailtenant.certificates import issue_web_certificate
from mailtenant.dns import policies, records
from mailtenant.rendering import render_service, render_tenant
from mailtenant.settings import SettingsErrors, TenantSettings
from tests import samples

ADDRESSES = ["10.99.200.2", "10.99.200.3"]


def nodes(label: str = "acme", number: int = 3, **changes: Any) -> dict[str, Any]:
    """The table `nodes` with a certificate that fits."""
    host = f"{label}.outboxment.test"
    made = samples.certificates(host)
    names = [f"mx{n}.{host}" for n in range(2, 4)]
    chain = issue_web_certificate(names, made.ca, made.ca_key, samples.NOW)[1]
    return {"smtp": number, "addresses": ADDRESSES, "chain": chain} | changes


def three() -> TenantSettings:
    return samples.settings(nodes=nodes())


def test_each_mail_server_has_a_name_an_address_and_an_inner_address_of_its_own() -> None:
    tenant = three()
    assert [node.host for node in tenant.smtp_nodes] == [
        "acme.outboxment.test",
        "mx2.acme.outboxment.test",
        "mx3.acme.outboxment.test",
    ]
    assert [str(node.address) for node in tenant.smtp_nodes][1:] == ADDRESSES
    inner = {node.internal for node in tenant.smtp_nodes}
    assert len(inner | {tenant.internal_address(s) for s in ("database", "filter", "cache")}) == 6


def test_records_name_every_server_alike() -> None:
    made = records(three())
    values = {(r.name, r.type, r.value) for r in made}
    hosts = [node.host for node in three().smtp_nodes]
    assert {v for n, t, v in values if (n, t) == ("acme.test", "MX")} == {f"10 {host}" for host in hosts}
    for node in three().smtp_nodes:
        assert (node.host, "A", str(node.address)) in values
        assert (node.address.reverse_pointer, "PTR", node.host) in values
        assert any(
            n == node.host and t == "TXT" and v.startswith("v=spf1") and str(node.address) in v for n, t, v in values
        )
    (spf,) = [v for n, t, v in values if n == "_spf.acme.outboxment.test"]
    assert all(f"ip4:{node.address}" in spf for node in three().smtp_nodes)
    assert len([v for n, t, v in values if (n, t) == ("acme.outboxment.test", "A")]) == 1, "clients have one address"


def test_more_servers_change_no_file_and_no_record_of_the_first() -> None:
    one = samples.settings()
    assert set(render_tenant(one)) < set(render_tenant(three()))
    assert {(r.name, r.type, r.value) for r in records(one) if r.type in ("A", "MX", "PTR")} < {
        (r.name, r.type, r.value) for r in records(three())
    }
    listed = samples.settings(nodes=nodes(number=1))
    assert render_tenant(listed) == render_tenant(one)
    assert records(listed) == records(one)


def test_a_further_servers_files_are_at_its_own_address_and_under_its_own_name() -> None:
    node = three().smtp_nodes[1]
    (main,) = [f for f in render_service(three(), "smtp", node=node) if f.path.endswith("main.cf")]
    assert main.tree_path == "postfix-2/etc/postfix/main.cf"
    assert (
        "myhostname = mx2.acme.outboxment.test\nmydomain = acme.outboxment.test\nmyorigin = $mydomain\n" in main.content
    )
    assert f"inet_interfaces = {node.address}, 127.0.0.1\n" in main.content
    assert str(three().edge.address) not in main.content
    assert "virtual_alias_domains = $myhostname, $mydomain\n" in main.content


def test_the_mta_sts_policy_lists_every_server() -> None:
    plain = samples.document(nodes=nodes())
    tenant = samples.web_settings(nodes=nodes())
    text = policies(tenant)["acme.test"]
    assert [line for line in text.split("\r\n") if line.startswith("mx: ")] == [
        f"mx: {node.host}" for node in tenant.smtp_nodes
    ]
    assert plain["nodes"]["smtp"] == 3


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"addresses": ADDRESSES[:1]}, "nodes.addresses", "3 nodes need 2 further addresses, and 1 are listed"),
        ({"addresses": ["10.99.1.4", "10.99.200.3"]}, "nodes.addresses[0]", "is an address of `edge`"),
        ({"addresses": ["10.98.0.9", "10.99.200.3"]}, "nodes.addresses[0]", "inner network"),
        ({"addresses": ["10.99.200.3", "10.99.200.3"]}, "nodes.addresses[1]", "is there twice"),
        ({"chain": None}, "nodes.chain", "is missing"),
        ({"smtp": 9}, "nodes.smtp", "8"),
        ({"publish": ["10.0.0.1", "127.0.0.9"]}, "nodes.publish[0]", "loopback"),
        ({"publish": ["127.9.0.1"]}, "nodes.publish", "2 further nodes"),
    ],
)
def test_a_place_that_is_missing_or_taken_is_refused(changes: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(SettingsErrors) as caught:
        samples.settings(nodes=nodes(**changes))
    (problem,) = [p for p in caught.value.problems if p.path == f"mailtenant:tenant.{path}"]
    assert words in problem.text


def test_a_certificate_of_other_names_is_refused() -> None:
    made = samples.certificates("acme.outboxment.test")
    chain = issue_web_certificate(["mx2.acme.outboxment.test"], made.ca, made.ca_key, samples.NOW)[1]
    with pytest.raises(SettingsErrors, match="does not cover the name of every node"):
        samples.settings(nodes=nodes(chain=chain))
