"""The name server: its own zones, the delegation to tenants, and nothing beyond."""

import dns.resolver
import pytest

from mailtenant.fleet.leftovers import engine_client
from tests.world.internet.pretend import DOMAIN, HOST, PretendTenant
from world import TenantPlace, World


def texts(world: World, name: str, kind: str) -> list[str]:
    return sorted(record.to_text() for record in world.resolver().resolve(name, kind))


def test_the_outside_domain_has_what_a_mail_domain_needs(world: World) -> None:
    assert texts(world, "elsewhere.test", "MX") == ["10 mx.elsewhere.test."]
    assert texts(world, "mx.elsewhere.test", "A") == [world.layout.mx]
    assert texts(world, "elsewhere.test", "TXT") == ['"v=spf1 mx -all"']
    [key] = texts(world, "world._domainkey.elsewhere.test", "TXT")
    assert world.outside().identity().public_key in key.replace('" "', "")


def test_reverse_names_lead_back(world: World, tenant: PretendTenant) -> None:
    assert texts(world, f"25.{world.layout.reverse_zone}", "PTR") == ["mx.elsewhere.test."]
    assert texts(world, f"110.{world.layout.reverse_zone}", "PTR") == [f"{HOST}."]


def test_a_tenants_zone_is_asked_at_the_tenant(world: World, tenant: PretendTenant) -> None:
    assert texts(world, HOST, "A") == [tenant.address]
    assert texts(world, DOMAIN, "MX") == [f"10 {HOST}."]


@pytest.mark.parametrize("name", ["nobody.test", "nobody.elsewhere.test", "gmail.com", "debian.org", "outboxment.com"])
def test_a_name_that_nobody_has_does_not_exist(world: World, name: str) -> None:
    with pytest.raises(dns.resolver.NXDOMAIN):
        world.resolver().resolve(name, "A")


def test_a_domain_without_records_exists_all_the_same(world: World) -> None:
    with pytest.raises(dns.resolver.NoAnswer):
        world.resolver().resolve("bare.test", "MX")


def test_a_further_tenant_comes_and_goes_without_a_restart(world: World, tenant: PretendTenant) -> None:
    def started() -> list[str]:
        containers = [engine_client().containers.get(world.layout.container(role)) for role in ("mx", "dns")]
        return [container.attrs["State"]["StartedAt"] for container in containers]

    before = started()
    further = TenantPlace("further.outboxment.test", "10.90.6.111", ("further.test", "further.outboxment.test"))
    world.up([tenant.place, further])
    assert texts(world, f"111.{world.layout.reverse_zone}", "PTR") == ["further.outboxment.test."]
    assert texts(world, DOMAIN, "MX") == [f"10 {HOST}."]
    world.up([tenant.place])
    with pytest.raises(dns.resolver.NXDOMAIN):
        world.resolver().resolve(f"111.{world.layout.reverse_zone}", "PTR")
    assert started() == before


def test_a_host_whose_zone_is_served_elsewhere_has_its_address(world: World, tenant: PretendTenant) -> None:
    by_hand = TenantPlace("byhand.outboxment.test", "10.90.6.112", ())
    world.up([tenant.place, by_hand])
    assert texts(world, "byhand.outboxment.test", "A") == ["10.90.6.112"]
    world.up([tenant.place])
