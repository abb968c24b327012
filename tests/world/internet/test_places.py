"""From stack files to what the world must know."""

from types import SimpleNamespace

from mailtenant.settings import parse_settings
from tests.unit.settings.example import example_document
from world import TenantPlace, places_of


def test_local_zones_are_delegated_to_the_tenants_address() -> None:
    settings = parse_settings(example_document("acme", "acme.test", "acme-two.test"))
    [place] = places_of([SimpleNamespace(settings=settings)])  # type: ignore[list-item]
    zones = ("acme.test", "acme-two.test", "acme.outboxment.test")
    assert place == TenantPlace("acme.outboxment.test", "10.99.1.10", zones)


def test_zones_that_others_serve_are_not() -> None:
    document = example_document("acme", "acme.test", "acme-two.test")
    document["platform_dns"] = {"provider": "manual"}
    document["domains"][0]["dns"] = {"provider": "manual"}
    [place] = places_of([SimpleNamespace(settings=parse_settings(document))])  # type: ignore[list-item]
    assert place.zones == ("acme-two.test",)
