"""Which counter a moment belongs to, and what limit holds then: hours and days of UTC, warm-up by the day."""

import os
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from mailtenant.sending.counters import counter_key, counters, keys_for, sent
from mailtenant.settings import TenantSettings
from tests import samples

WARMUP = {"warmup": {"from": "2026-12-01", "first_day": 100, "growth": 1.5}}


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def tenant_day(tenant: TenantSettings, moment: str) -> int:
    return {c.window: c.limit for c in counters(tenant, "tenant", "", at(moment))}["day"]


@pytest.fixture(params=["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """This process in another time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def test_a_window_begins_with_the_clock_hour_and_the_day_of_utc(zone: str) -> None:
    just_before, midnight = at("2026-12-01T23:59:59+00:00"), at("2026-12-02T00:00:00+00:00")
    for window in ("hour", "day"):
        assert counter_key("mailbox", "jo@acme.test", window, just_before) != counter_key(
            "mailbox", "jo@acme.test", window, midnight
        )
    assert counter_key("tenant", "", "day", midnight) == f"limit:tenant:all:day:{midnight}"
    local_midnight = at("2026-12-02T00:00:00+14:00")
    assert counter_key("tenant", "", "day", local_midnight) == counter_key("tenant", "", "day", local_midnight - 1)


@pytest.mark.parametrize(
    ("moment", "cap"),
    [
        ("2026-11-15T12:00:00+00:00", 100),
        ("2026-12-01T00:00:00+00:00", 100),
        ("2026-12-01T23:59:59+00:00", 100),
        ("2026-12-02T00:00:00+00:00", 150),
        ("2026-12-02T00:30:00+14:00", 100),
        ("2026-12-01T20:00:00-08:00", 150),
        ("2026-12-03T12:00:00+00:00", 225),
        ("2027-12-01T00:00:00+00:00", 20_000),
    ],
)
def test_the_warm_up_day_is_that_of_utc_wherever_one_is(zone: str, moment: str, cap: int) -> None:
    assert tenant_day(samples.settings(limits=WARMUP), moment) == cap


def test_the_smaller_of_warm_up_and_the_tenants_day_holds() -> None:
    tenant = samples.settings(limits={**WARMUP, "tenant": {"day": 120}})
    assert [tenant_day(tenant, f"2026-12-0{day}T00:00:00+00:00") for day in (1, 2, 3)] == [100, 120, 120]


def test_what_was_sent_stands_beside_what_may_be() -> None:
    tenant, now = samples.settings(limits={"mailbox": {"hour": 7, "day": 70}}), at("2026-12-01T10:20:30+00:00")
    values = {key: place for place, key in enumerate(keys_for(["jo@acme.test"], ["acme.test"], now), start=1)}
    whole, domain, mailbox = (
        sent(tenant, scope, name, now, values)
        for scope, name in (("tenant", ""), ("domain", "acme.test"), ("mailbox", "jo@acme.test"))
    )
    assert (whole.hour, whole.day, whole.hour_limit) == (1, 2, None)
    assert (domain.hour, domain.day) == (3, 4)
    assert (mailbox.hour, mailbox.hour_limit, mailbox.day, mailbox.day_limit) == (5, 7, 6, 70)
    assert sent(tenant, "mailbox", "ann@acme.test", now, values).day == 0
