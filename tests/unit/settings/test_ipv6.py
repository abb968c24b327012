"""IPv6 in the settings: which addresses a tenant can have, and that every mail server has one or none."""

from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtenant.settings import SettingsErrors, TenantSettings
from mailtenant.settings.errors import Refusal
from mailtenant.settings.live import edge_problems
from mailtenant.settings.names import check_host_address6
from tests import samples
from tests.unit.settings.test_nodes import nodes

SIX, FURTHER = "fd00:99::4", ["fd00:99::20", "fd00:99::21"]


def edge(**changes: Any) -> dict[str, Any]:
    return {**samples.document()["edge"], "address6": SIX, **changes}


def with_ipv6(**changes: Any) -> TenantSettings:
    return samples.settings(edge=edge(), **changes)


def problems(**changes: Any) -> dict[str, str]:
    with pytest.raises(SettingsErrors) as caught:
        samples.settings(**changes)
    return {problem.path.removeprefix("mailtenant:tenant."): problem.text for problem in caught.value.problems}


@pytest.mark.parametrize("text", ["fd00:99::4", "FD00:0099:0:0::4", "2a01:4f8:1::25", "2600::1"])
def test_global_and_unique_local_addresses_are_taken_in_any_spelling(text: str) -> None:
    made = samples.settings(edge=edge(address6=text))
    assert made.edge.address6 == IPv6Address(text)
    assert made.smtp_nodes[0].addresses == (made.edge.address, IPv6Address(text))


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ("::", "is not an IPv6 address that a host can have"),
        ("::1", "is not an IPv6 address that a host can have"),
        ("ff02::1", "is not an IPv6 address that a host can have"),
        ("fe80::1", "is not an IPv6 address that a host can have"),
        ("fec0::1", "is not an IPv6 address that a host can have"),
        ("64:ff9b::a00:1", "is not an IPv6 address that a host can have"),
        ("2001:db8::25", "is not an IPv6 address that a host can have"),
        ("3fff::25", "is not an IPv6 address that a host can have"),
        ("2001:0:1::1", "is not an IPv6 address that a host can have"),
        ("2002:a00:1::1", "is not an IPv6 address that a host can have"),
        ("::ffff:10.0.0.1", "is an IPv4 address in IPv6 form"),
        ("fd00::1%eth0", "has a zone"),
        ("10.99.1.4", "is not an IPv6 address; write it as fd00:99::10"),
        ("fd00::99::4", "is not an IPv6 address"),
        (2**100, "is not text"),
    ],
)
def test_an_address_that_no_host_can_have_is_refused_with_the_fix(given_: object, words: str) -> None:
    text = problems(edge=edge(address6=given_))["edge.address6"]
    assert words in text and (given_ == "::" or str(given_) not in text)


@given(st.ip_addresses(v=6))
def test_what_is_taken_is_never_one_that_routers_or_kernels_keep_for_themselves(address: IPv6Address) -> None:
    try:
        check_host_address6(address)
    except Refusal:
        return
    special = (address.is_loopback, address.is_multicast, address.is_unspecified, address.is_link_local)
    assert not any(special) and not address.is_reserved and address.ipv4_mapped is None
    assert not address.is_site_local and address.sixtofour is None and address.teredo is None


def test_without_an_address_there_is_none_anywhere() -> None:
    assert samples.settings().edge.address6 is None
    assert [node.address6 for node in samples.settings(nodes=nodes()).smtp_nodes] == [None, None, None]


def test_further_mail_servers_have_theirs() -> None:
    made = with_ipv6(nodes=nodes(addresses6=FURTHER))
    assert [str(node.address6) for node in made.smtp_nodes] == [SIX, *FURTHER]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({}, "nodes.addresses6", "3 nodes need 2 further IPv6 addresses, and 0 are listed"),
        ({"addresses6": FURTHER[:1]}, "nodes.addresses6", "and 1 are listed"),
        ({"addresses6": [FURTHER[0], FURTHER[0]]}, "nodes.addresses6[1]", "is there twice"),
        ({"addresses6": [FURTHER[0], "fd00:99:0::20"]}, "nodes.addresses6[1]", "is there twice"),
        ({"addresses6": [SIX, FURTHER[0]]}, "nodes.addresses6[0]", "is an address of `edge`"),
        ({"addresses6": ["fe80::1", FURTHER[0]]}, "nodes.addresses6[0]", "is not an IPv6 address that a host"),
    ],
)
def test_a_further_server_without_a_place_of_its_own_is_refused(changes: Any, path: str, words: str) -> None:
    assert words in problems(edge=edge(), nodes=nodes(**changes))[path]


def test_further_addresses_alone_are_refused() -> None:
    assert "`edge.address6` is missing" in problems(nodes=nodes(addresses6=FURTHER))["nodes.addresses6"]


def test_they_may_be_listed_ahead() -> None:
    assert len(with_ipv6(nodes=nodes(number=1, addresses6=FURTHER)).smtp_nodes) == 1


class Judged:
    """Settings whose problems are named as those of a stack file."""

    def __init__(self, settings: TenantSettings) -> None:
        self.settings = settings

    @staticmethod
    def problem(path: tuple[str | int, ...], message: str, fix: str) -> Any:
        return path, message, fix


def judged(settings: TenantSettings, ipv6: bool, *subnets: str) -> list[Any]:
    return list(edge_problems(Judged(settings), ipv6, [IPv6Network(one) for one in subnets]))


def test_a_network_that_cannot_hold_the_address_is_refused_with_what_it_has() -> None:
    two = with_ipv6(nodes=nodes(number=2, addresses6=["fd00:98::20"]))
    assert judged(two, True, "fd00:99::/64", "fd00:98::/64") == []
    ((path, message, _),) = judged(two, True, "fd00:99::/64")
    assert path == ("nodes", "addresses6", 0) and "is not in fd00:99::/64" in message
    ((path, message, fix),) = judged(two, False)
    assert path == ("edge", "address6") and "mailtenant-world has no IPv6" in message and "--ipv6" in fix
    # A subnet without IPv6 switched on: the engine would give nobody an address.
    assert len(judged(two, False, "fd00:99::/64")) == 1
    assert judged(samples.settings(), False) == []
