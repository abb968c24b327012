"""Two tenants on one engine do not clash."""

from dataclasses import astuple
from ipaddress import ip_address, ip_network

from bench.tenant import FIRST, NEIGHBOUR, SUBNET


def test_both_places_are_in_the_same_internet_and_share_nothing() -> None:
    assert not set(astuple(FIRST)) & set(astuple(NEIGHBOUR))
    assert all(ip_address(place.edge) in ip_network(SUBNET) for place in (FIRST, NEIGHBOUR))
    assert not ip_network(FIRST.internal).overlaps(ip_network(NEIGHBOUR.internal))
