"""Which zones are read with a key of the customer's, and that no provider is asked where records come by hand."""

from pathlib import Path
from typing import Any

import pytest

from mailtenant.dns import cloudflare_api
from mailtenant.fleet import dns_credentials, dns_keys
from mailtenant.fleet.stacks import StackError
from mailtenant.settings import StackFile, parse_settings
from tests import samples
from world.cloudflare_api import CloudflareApi


def stack_file(**dns: Any) -> StackFile:
    document = samples.document("acme", "acme.com")
    document["domains"][0]["dns"] = dns
    return StackFile(Path("Pulumi.acme.yaml"), "Pulumi.acme.yaml", parse_settings(document), frozenset())


def unreadable(*_: object, **__: object) -> Any:
    raise StackError("the passphrase is not right; set PULUMI_CONFIG_PASSPHRASE")


@pytest.mark.parametrize("provider", ["manual", "local"])
def test_by_hand_no_key_is_read_and_no_provider_asked(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    for name in ("cloudflare", "godaddy"):
        monkeypatch.setattr(dns_credentials, name, unreadable)
    assert dns_keys.proven(Path("."), stack_file(provider=provider)) == []


def test_a_key_that_cannot_be_read_is_a_finding_of_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_credentials, "godaddy", unreadable)
    (found,) = dns_keys.proven(Path("."), stack_file(provider="godaddy"))
    assert (found.zone, found.ok) == ("acme.com", False) and "passphrase" in found.said


def test_a_zone_is_read_with_its_key_and_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with CloudflareApi() as api:
        zone = api.zone("acme.com", [])
        token = api.token(zone)
        monkeypatch.setattr(dns_credentials, "cloudflare", lambda *_: cloudflare_api.Api(token, api.base_url))
        found = dns_keys.proven(Path("."), stack_file(provider="cloudflare", zone_id=zone))
        assert [one.ok for one in found] == [True, True] and api.snapshot(zone) == []
