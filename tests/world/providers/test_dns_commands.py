"""`mailtenant dns preflight`, `adopt` and `phase` with real encrypted credentials against the played providers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailtenant.certificates import chain_faults
from mailtenant.environment import tool_environment
from tests.world.conftest import copy_project
from tests.world.tenants import RunningTenant, run
from world.cloudflare_api import CloudflareApi
from world.faulty_server import Fault, FaultyServer
from world.godaddy_api import GodaddyApi

ZONE = "acme.test"
CLOUDFLARE = [
    {"name": ZONE, "type": "MX", "content": "mx.oldhost.example", "priority": 10, "ttl": 14400, "comment": "theirs"},
    {"name": ZONE, "type": "TXT", "content": "v=spf1 include:_spf.oldhost.example -all", "ttl": 1},
    {"name": "www.acme.test", "type": "CNAME", "content": "acme.test", "ttl": 1, "proxied": True},
]
GODADDY = [
    {"name": "@", "type": "MX", "data": "mx.oldhost.example", "priority": 10, "ttl": 14400},
    {"name": "@", "type": "TXT", "data": "v=spf1 include:_spf.oldhost.example -all", "ttl": 3600},
    {"name": "www", "type": "CNAME", "data": "@", "ttl": 3600},
]


class Tenant(RunningTenant):
    """A stack file whose first domain is at a played provider; nothing of it is up."""

    api: FaultyServer


@pytest.fixture
def make(tmp_path: Path) -> Iterator[object]:
    with ExitStack() as stack:

        def tenant(provider: str, *, edit: bool = True) -> Tenant:
            backend = tmp_path / "backend"
            backend.mkdir()
            environment = tool_environment() | {
                "PULUMI_BACKEND_URL": f"file://{backend}", "PULUMI_CONFIG_PASSPHRASE": "of the tests, not a secret",
            }  # fmt: skip
            project = copy_project(tmp_path / "project")
            if provider == "cloudflare":
                cloudflare = stack.enter_context(CloudflareApi())
                zone = cloudflare.zone(ZONE, CLOUDFLARE)
                named, stdin = f"cloudflare:{zone}", cloudflare.token(zone, edit=edit) + "\n"
                api, url = cloudflare, cloudflare.base_url
            else:
                godaddy = stack.enter_context(GodaddyApi())
                godaddy.domain(ZONE, GODADDY)
                godaddy.keys["the-key"] = "the-secret"
                named, stdin = "godaddy", "the-key\nthe-secret\n"
                api, url = godaddy, godaddy.url  # type: ignore[assignment]
            command = ["mailtenant", "new", "acme", "--project", str(project), "--domain", ZONE, "--provider", named]
            command += ["--platform-domain", "outboxment.test", "--edge-network", "n", "--edge-address", "10.1.2.3"]
            command += ["--edge-dns", "10.1.0.53", "--internal-subnet", "10.2.0.0/28"]
            run(command, environment, project, stdin)
            made = Tenant("acme", project, environment)
            made.api = api
            text = made.stack_file.read_text()
            made.stack_file.write_text(re.sub(r"(?m)^config:\n", f"config:\n  {provider}:baseUrl: {url}\n", text))
            return made

        yield tenant


@pytest.mark.parametrize("provider", ["cloudflare", "godaddy"])
def test_preflight_reads_and_proves_the_right_to_write_without_a_change(make: object, provider: str) -> None:
    tenant = make(provider)  # type: ignore[operator]
    answers = json.loads(tenant.cli("dns", "preflight", "acme", "--json").stdout)
    assert [answer["ok"] for answer in answers] == [True, True]
    if isinstance(tenant.api, CloudflareApi):
        (held,) = tenant.api.records.values()
        assert len(held) == len(CLOUDFLARE)
    else:
        assert tenant.api.domains[ZONE] == GODADDY


def test_a_token_that_only_reads_is_told_so(make: object) -> None:
    tenant = make("cloudflare", edit=False)  # type: ignore[operator]
    done = tenant.cli("dns", "preflight", "acme", check=False)
    assert done.returncode == 1 and "may write records" in done.stdout and "Zone.DNS Edit" in done.stdout


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "does not know the API key"), (403, "ten domains"), (404, "not in this"), (429, "60 requests")],
)
def test_each_refusal_has_a_sentence_of_its_own(make: object, status: int, words: str) -> None:
    tenant = make("godaddy")  # type: ignore[operator]
    tenant.api.faults.append(Fault("status", status, times=99, retry_after="0"))
    done = tenant.cli("dns", "preflight", "acme", check=False)
    assert done.returncode == 1 and words in " ".join(done.stdout.split())
    assert "the-secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("provider", ["cloudflare", "godaddy"])
def test_adopt_writes_the_zone_into_the_stack_file_and_only_reads(make: object, provider: str) -> None:
    tenant = make(provider)  # type: ignore[operator]
    said = tenant.cli("dns", "adopt", "acme").stdout
    assert "3 records found, 2 in our places, 1 of others" in said
    assert [request.method for request in tenant.api.journal] == ["GET"]
    assert "dnsPhase: adopted" in tenant.stack_file.read_text()
    tenant.cli("validate")
    again = tenant.cli("dns", "adopt", "acme", "--domain", ZONE, check=False)
    assert again.returncode == 1 and "has a snapshot already" in again.stderr
    jump = tenant.cli("dns", "phase", "acme", "settled", check=False)
    assert jump.returncode == 1 and "the next one is `additive`" in jump.stderr
    tenant.cli("dns", "phase", "acme", "additive")
    sheet = tenant.cli("dns", "sheet", "acme", "--format", "csv").stdout
    assert "change,acme.test,acme.test,@,MX,10 mx.oldhost.example,10 mx.oldhost.example,14400," in sheet


def test_a_second_zone_is_named_and_the_web_certificate_is_for_its_names_too(make: object) -> None:
    tenant = make("cloudflare")  # type: ignore[operator]
    refused = tenant.cli("domain", "add", "acme", "acme-two.test", check=False)
    assert refused.returncode == 1 and "--provider cloudflare:ZONE_ID" in refused.stderr
    tenant.cli("domain", "add", "acme", "acme-two.test", "--provider", f"cloudflare:{'0' * 32}")
    settings = tenant.settings
    assert settings.domains[1].dns.model_dump() == {"provider": "cloudflare", "zone_id": "0" * 32}
    chain = settings.tls.web_chain
    assert chain and list(chain_faults(chain, settings.tls.ca, "mta-sts.acme-two.test")) == []
    assert list(chain_faults(chain, settings.tls.ca, "mta-sts.acme.test")) == []
    tenant.cli("validate")


def test_a_key_of_somebody_at_our_selector_stops_adoption_and_changes_nothing(make: object) -> None:
    tenant = make("godaddy")  # type: ignore[operator]
    record = {"name": "mt1._domainkey", "type": "TXT", "data": "v=DKIM1; p=MIGfMA0", "ttl": 3600}
    tenant.api.domains[ZONE].append(record)
    before = tenant.stack_file.read_text()
    done = tenant.cli("dns", "adopt", "acme", check=False)
    assert done.returncode == 1 and "another key stands at this selector" in done.stderr
    assert tenant.stack_file.read_text() == before
