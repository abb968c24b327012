"""Preflight against the played APIs: whatever is wrong has a sentence of its own, with the fix and without a secret."""

from collections.abc import Iterator

import httpx
import pytest

from mailtenant import rest
from mailtenant.dns import cloudflare_api, godaddy_api, preflight
from world.cloudflare_api import CloudflareApi
from world.faulty_server import Fault
from world.godaddy_api import GodaddyApi

ZONE = "acme.com"
KEY, SECRET = "the-key", "the-secret"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "TIMEOUT", 0.3)
    monkeypatch.setattr(rest, "ATTEMPTS", 1)


@pytest.fixture
def cloudflare() -> Iterator[CloudflareApi]:
    with CloudflareApi() as api:
        yield api


@pytest.fixture
def godaddy() -> Iterator[GodaddyApi]:
    with GodaddyApi() as api:
        api.domain(ZONE, [{"name": "@", "type": "A", "data": "192.0.2.1", "ttl": 600}])
        api.keys[KEY] = SECRET
        yield api


CLOUDFLARE = {
    "a token that nobody knows": "does not know the API token",
    "a token for another zone": "may not do this",
    "a token that only reads": "may not do this",
    "the id of another zone": "is the zone other.com, not acme.com",
    "an id that no zone has": "has no such zone",
    "too many calls": "rate limit is reached",
    "a failure of theirs": "a failure of its own",
    "no answer": "no answer within",
    "nobody there": "cannot be reached",
}


def ask_cloudflare(api: CloudflareApi, case: str) -> list[preflight.Finding]:
    mine, other = api.zone(ZONE), api.zone("other.com")
    token = api.token(mine, other)
    if case == "a token that nobody knows":
        token = "x" * 40
    if case == "a token for another zone":
        token = api.token(other)
    if case == "a token that only reads":
        token = api.token(mine, edit=False)
    statuses = {"too many calls": 429, "a failure of theirs": 503}
    if case in statuses:
        api.faults.append(Fault("status", statuses[case], times=9, retry_after="0"))
    if case == "no answer":
        api.faults.append(Fault("slow", seconds=1.0, times=9))
    url = "http://127.0.0.1:9/client/v4" if case == "nobody there" else api.base_url
    zone_id = {"the id of another zone": other, "an id that no zone has": "0" * 32}.get(case, mine)
    before = api.snapshot(mine)
    found = preflight.cloudflare(cloudflare_api.Api(token, url), zone_id, ZONE)
    assert api.snapshot(mine) == before and not any(token in finding.said for finding in found)
    return found


@pytest.mark.parametrize("case", CLOUDFLARE)
def test_at_cloudflare_each_trouble_has_its_words(cloudflare: CloudflareApi, case: str) -> None:
    last = ask_cloudflare(cloudflare, case)[-1]
    assert not last.ok and CLOUDFLARE[case] in last.said, last


def test_at_cloudflare_all_in_order_says_so_and_changes_nothing(cloudflare: CloudflareApi) -> None:
    assert [finding.ok for finding in ask_cloudflare(cloudflare, "")] == [True, True]


def test_a_domain_may_be_a_part_of_the_zone(cloudflare: CloudflareApi) -> None:
    zone = cloudflare.zone(ZONE)
    api = cloudflare_api.Api(cloudflare.token(zone), cloudflare.base_url)
    assert all(finding.ok for finding in preflight.cloudflare(api, zone, f"mail.{ZONE}"))
    assert not preflight.cloudflare(api, zone, f"other{ZONE}")[0].ok


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Invalid access token", "does not know the API token"),
        ("Unauthorized to access requested resource", "may not do this"),
        ("Cannot use the access token from location: 192.0.2.1", "IP filter"),
    ],
)
def test_one_code_of_cloudflare_that_means_three_things(message: str, words: str) -> None:
    answer = httpx.Response(403, json={"errors": [{"code": 9109, "message": message}]})
    assert words in cloudflare_api.explain(answer)[0]


GODADDY = {
    401: "does not know the API key",
    403: "denies this account its DNS API",
    404: "not in this GoDaddy account",
    429: "60 requests a minute",
    503: "a failure of its own",
}


@pytest.mark.parametrize("status", GODADDY)
def test_at_godaddy_each_refusal_has_its_words(godaddy: GodaddyApi, status: int) -> None:
    godaddy.faults.append(Fault("status", status, times=9, retry_after="0"))
    (finding,) = preflight.godaddy(godaddy_api.Api(KEY, SECRET, godaddy.url), ZONE)
    assert not finding.ok and GODADDY[status] in finding.said and SECRET not in finding.said
    assert status != 403 or "ten domains" in finding.said


def test_at_godaddy_a_key_that_reads_and_may_not_write_is_told(godaddy: GodaddyApi) -> None:
    godaddy.faults.append(Fault("status", 403, method="PATCH", times=9))
    read, write = preflight.godaddy(godaddy_api.Api(KEY, SECRET, godaddy.url), ZONE)
    assert read.ok and not write.ok and write.question == "may write records"


def test_at_godaddy_a_domain_of_somebody_else_and_no_answer_are_told_apart(godaddy: GodaddyApi) -> None:
    (finding,) = preflight.godaddy(godaddy_api.Api(KEY, SECRET, godaddy.url), "other.com")
    assert "not in this GoDaddy account" in finding.said
    godaddy.faults.append(Fault("slow", seconds=1.0, times=9))
    (finding,) = preflight.godaddy(godaddy_api.Api(KEY, SECRET, godaddy.url), ZONE)
    assert "no answer within" in finding.said
