"""`mailtenant watch` over a real tenant: well, with a service that is down, and well again."""

import json
from typing import Any

from tests.world.tenants import RunningTenant, eventually
from tests.world.test_failures import paused


def watched(tenant: RunningTenant) -> dict[str, Any]:
    """One look at it."""
    (found,) = json.loads(tenant.cli("watch", tenant.label, "--json", check=False).stdout)["tenants"]
    return dict(found)


def kinds(found: list[dict[str, Any]]) -> set[str]:
    return {one["kind"] for one in found}


def test_a_service_that_is_down_is_told_once_and_its_end_once(beta: RunningTenant) -> None:
    # Also ends what an earlier test has left of this tenant.
    eventually(lambda: watched(beta)["ok"], what="a tenant that is well")
    assert watched(beta)["certificate_days"]["mail"] > 3000
    with paused(beta, "imap"):
        first, second = watched(beta), watched(beta)
    assert kinds(first["problems"]) >= {"check", "drift"}, first
    assert any("mt-beta-imap is exited" in one["what"] for one in first["problems"])
    assert kinds(first["new"]) >= {"check", "drift"} and second["new"] == []
    ended: list[dict[str, Any]] = []

    def well() -> bool:
        found = watched(beta)
        ended.extend(found["over"])
        return bool(found["ok"])

    eventually(well, what="all is well again")
    assert kinds(ended) >= {"check", "drift"}
    listed = json.loads(beta.cli("alerts", "list", "beta", "--on", "--json").stdout)
    assert listed == []


def test_nothing_of_the_check_is_left_behind(beta: RunningTenant) -> None:
    watched(beta)
    assert "mailtenant-check-" not in beta.cli("mailbox", "list", "beta").stdout
