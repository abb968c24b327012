"""Zones that change while the world is up."""

import httpx
import pytest

from world import World
from world.engine import WorldError
from world.live_zones import LiveCloudflare, zone_lines

LINES = ["@ MX 10 mail.inboxment.test.", '@ TXT "v=spf1 -all"', "www 300 A 10.0.0.1", "alias CNAME www.live.test."]


def test_lines_of_a_zone_survive_the_way_through_the_api() -> None:
    with LiveCloudflare() as api:
        zone = api.adopt("live.test", LINES)
        assert zone_lines(api.records[zone].values()) == [
            "alias.live.test. 60 CNAME www.live.test.",
            "live.test. 60 MX 10 mail.inboxment.test.",
            'live.test. 60 TXT "v=spf1 -all"',
            "www.live.test. 300 A 10.0.0.1",
        ]


def test_what_is_written_at_the_provider_is_published() -> None:
    published: list[tuple[str, list[str]]] = []
    with LiveCloudflare(publish=lambda name, lines: published.append((name, list(lines)))) as api:
        zone = api.adopt("live.test", LINES)
        headers = {"Authorization": f"Bearer {api.token(zone)}"}
        url = f"{api.base_url}/zones/{zone}/dns_records"
        [record] = httpx.get(url, params={"type": "MX"}, headers=headers).json()["result"]
        changed = {**record, "content": "live.outboxment.test"}
        assert httpx.put(f"{url}/{record['id']}", json=changed, headers=headers).status_code == 200
    [(name, lines)] = published
    assert name == "live.test" and "live.test. 60 MX 10 live.outboxment.test." in lines


def test_a_zone_that_the_world_does_not_have_is_refused(world: World) -> None:
    with pytest.raises(WorldError, match="not a zone of this world"):
        world.publish_zone("unknown.test", ["@ A 10.0.0.1"])
