"""What is rendered for the filter and its helpers: limits, names, addresses; and what must never be in there."""

import json
import re
from datetime import date
from typing import Any

from mailtenant.rendering import ZoneFile, render_service
from mailtenant.sending import limits_document, own_domains
from mailtenant.settings import TenantSettings
from mailtenant.settings.size import Service
from tests import samples


def rendered(service: Service, path: str, tenant: TenantSettings, zones: tuple[ZoneFile, ...] = ()) -> str:
    """One file without its comments."""
    (content,) = [file.content for file in render_service(tenant, service, zones=zones) if file.path == path]
    return "\n".join(line for line in content.splitlines() if not line.lstrip().startswith("#"))


def rspamd(**changes: Any) -> str:
    return rendered("filter", "/etc/rspamd/mailtenant/rspamd.conf", samples.settings(**changes))


def unbound(**changes: Any) -> str:
    return rendered("resolver", "/etc/unbound/mailtenant/unbound.conf", samples.settings(**changes))


def limits(**changes: Any) -> dict[str, Any]:
    """limits.json, which the filter re-reads."""
    found: dict[str, Any] = json.loads(limits_document(samples.settings(limits=changes)))
    return found


def test_limits_reach_the_filter_as_they_were_set() -> None:
    found = limits(mailbox={"hour": 7, "day": 70}, domain={"day": 700}, tenant={"hour": 60, "day": 900})
    assert found == {"mailbox": {"hour": 7, "day": 70}, "domain": {"day": 700}, "tenant": {"hour": 60, "day": 900}}


def test_a_warm_up_counts_its_days_from_the_epoch() -> None:
    found = limits(warmup={"from": "2026-12-01", "first_day": 50, "growth": 1.5})
    days = (date(2026, 12, 1) - date(1970, 1, 1)).days
    assert found["warmup"] == {"from": days, "first_day": 50, "growth": 1.5}


def test_a_changed_limit_changes_no_file_that_a_restart_would_be_needed_for() -> None:
    assert rspamd() == rspamd(limits={"mailbox": {"hour": 7, "day": 70}})


def test_the_host_and_every_domain_must_be_signed() -> None:
    tenant = samples.settings("acme", "acme.test", "acme-shop.test")
    assert own_domains(tenant) == "3 own domains\nacme.outboxment.test\nacme.test\nacme-shop.test\n"
    assert 'domains = "/var/lib/dkim/domains.list";' in rendered("filter", "/etc/rspamd/mailtenant/rspamd.conf", tenant)


def test_a_new_domain_changes_no_file_that_a_mail_service_would_be_restarted_for() -> None:
    one, two = samples.settings("acme", "acme.test"), samples.settings("acme", "acme.test", "acme-shop.test")
    for service in ("smtp", "imap", "filter", "cache", "database", "resolver"):
        assert render_service(one, service) == render_service(two, service), service


def test_the_filter_asks_only_the_tenants_own_resolver_and_cache() -> None:
    tenant = samples.settings()
    text = rendered("filter", "/etc/rspamd/mailtenant/rspamd.conf", tenant)
    internal = {str(tenant.internal_address("edge")), str(tenant.internal_address("cache"))}
    assert set(re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text)) == internal | {"127.0.0.0", "127.0.0.1", "192.0.2.1"}
    assert "http" not in text


def test_a_check_that_runs_out_of_time_defers_and_nothing_is_greylisted() -> None:
    text = rspamd()
    assert "soft_reject_on_timeout = true;" in text
    assert "greylist" not in text


def test_the_signature_covers_what_receivers_ask_for_and_never_a_length() -> None:
    (headers,) = re.findall(r'sign_headers = "([^"]+)"', rspamd())
    names = {name.split(")")[-1] for name in headers.split(":")}
    wanted = "from to subject date message-id mime-version content-type list-unsubscribe list-unsubscribe-post"
    assert names >= set(wanted.split())
    assert headers.startswith("(o)from:"), "From is not oversigned"


def test_the_cache_keeps_every_counter_and_half_of_the_memory() -> None:
    tenant = samples.settings(size={"cache": {"memory_mib": 100}})
    text = rendered("cache", "/etc/valkey/valkey.conf", tenant)
    assert "maxmemory 50mb\n" in text
    assert "maxmemory-policy noeviction\n" in text
    assert "requirepass" not in text


def test_the_resolver_forwards_where_the_settings_say() -> None:
    text = unbound()
    assert 'forward-addr: "10.99.0.53"' in text
    assert "trust-anchor-file" not in text


def test_without_a_forwarder_the_resolver_asks_the_root_and_validates() -> None:
    edge = {"network": "mailtenant-world", "address": "10.99.1.4"}
    text = unbound(edge=edge)
    assert "forward-zone" not in text
    assert 'module-config: "validator iterator"' in text
    assert "root-hints:" in text


def test_the_resolver_answers_the_tenants_own_networks_only() -> None:
    tenant = samples.settings()
    allowed = re.findall(r'access-control: "?([0-9./]+)"? (\w+)', unbound())
    assert dict(allowed) == {"0.0.0.0/0": "refuse", "127.0.0.0/8": "allow", str(tenant.internal.subnet): "allow"}


def test_the_name_server_serves_each_zone_on_the_tenants_own_address() -> None:
    zones = (ZoneFile("acme.test", "; zone\n"), ZoneFile("acme.outboxment.test", "; zone\n"))
    tenant = samples.settings()
    text = rendered("dns", "/etc/nsd/mailtenant/nsd.conf", tenant, zones)
    assert re.findall(r'^\s*name: "([^"]+)"', text, re.MULTILINE) == [zone.name for zone in zones]
    assert re.findall(r'^\s*zonefile: "([^"]+)"', text, re.MULTILINE) == [f"{zone.name}.zone" for zone in zones]
    assert f'ip-address: "{tenant.edge.address}"' in text
