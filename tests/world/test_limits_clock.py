"""The filter's own arithmetic, run in its image with the clock as an argument: what `usage` reckons."""

import json
import subprocess
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from mailtenant.environment import tool_environment
from mailtenant.sending import limits_document
from mailtenant.sending.counters import Scope, counters
from mailtenant.settings import TenantSettings
from tests import samples

# Reads one case a line (moment, then the live file) and writes what would be counted.
SCRIPT = """
package.path = "/usr/share/mailtenant/filter/?.lua;" .. package.path
local ucl = require "ucl"
local limits = require "limits"
for line in io.lines() do
  local moment, document = line:match("^(%d+) (.*)$")
  local configured = limits.parse(document)
  local found = {}
  for _, c in ipairs(limits.counters(configured, "jo@acme.test", tonumber(moment))) do
    found[#found + 1] = { key = c.key, limit = c.limit, text = c.text }
  end
  print("CASE " .. ucl.to_format(found, "json-compact"))
end
"""


def reckoned(cases: list[tuple[int, TenantSettings]]) -> list[dict[str, int]]:
    """Each case's counters, key → limit, as the filter has them."""
    lines = "".join(f"{moment} {' '.join(limits_document(tenant).split())}\n" for moment, tenant in cases)
    command = ["docker", "run", "--rm", "-i", "--network", "none", "--entrypoint", "sh", "mailtenant/filter:2026.11"]
    script = ["-c", 'printf %s "$0" >/tmp/case.lua; exec rspamadm lua -b /tmp/case.lua', SCRIPT]
    done = subprocess.run(
        [*command, *script],
        input=lines,
        env=tool_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    answers = [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("CASE ")]
    assert len(answers) == len(cases), done.stdout + done.stderr
    return [{one["key"]: int(one["limit"]) for one in answer} for answer in answers]


def expected(tenant: TenantSettings, moment: int) -> dict[str, int]:
    whose: tuple[tuple[Scope, str], ...] = (("mailbox", "jo@acme.test"), ("domain", "acme.test"), ("tenant", ""))
    return {c.key: c.limit for scope, name in whose for c in counters(tenant, scope, name, moment)}


@given(
    days=st.lists(st.integers(-40, 400), min_size=40, max_size=40),
    first=st.integers(1, 500),
    growth=st.floats(1.01, 3).map(lambda g: round(g, 3)),
    ceiling=st.integers(1_000, 100_000),
)
@settings(max_examples=5, deadline=None)
def test_the_warm_up_is_the_same_on_both_sides_at_every_midnight(
    days: list[int], first: int, growth: float, ceiling: int
) -> None:
    limits = {
        "mailbox": {"hour": 5, "day": 50},
        "domain": {"day": 900},
        "tenant": {"day": ceiling},
        "warmup": {"from": "2026-12-01", "first_day": first, "growth": growth},
    }
    tenant, start = samples.settings(limits=limits), datetime(2026, 12, 1, tzinfo=UTC)
    moments = [int((start + timedelta(days=day)).timestamp()) + second for day in days for second in (-1, 0, 3600)]
    for moment, found in zip(moments, reckoned([(moment, tenant) for moment in moments]), strict=True):
        wanted = expected(tenant, moment)
        assert {key: found[key] for key in wanted} == wanted, moment
        # Hours without a limit are counted, and never refuse.
        assert all(limit == 2**53 for key, limit in found.items() if key not in wanted)
