"""Sending limits: the smallest wins, who is over it waits with 4xx, nobody else does; both outlive restarts."""

import json
import re
import smtplib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.world.tenants import Mailbox, RunningTenant, eventually, message

ROOMY = {"hour": 100_000, "day": 100_000}


def with_limits(tenant: RunningTenant, /, **limits: dict[str, Any]) -> None:
    """`pulumi up` with these limits; waits until the filter has read them."""
    wanted = {**dict.fromkeys(("mailbox", "domain", "tenant"), ROOMY), **limits}
    tenant.set_line("limits", json.dumps(wanted))
    # The filter's own word: what is sent a moment before would count for nothing that the test expects.
    said = "limits.json was read again"
    before = tenant.logs("filter").count(said)
    tenant.up()
    eventually(lambda: tenant.logs("filter").count(said) > before, what="the filter's new limits")


@pytest.fixture
def limited(beta: RunningTenant) -> Iterator[RunningTenant]:
    """beta, whose limits are put back. Counters are those of a clock hour: none of these tests goes over its end."""
    eventually(lambda: datetime.now(UTC).minute < 58, seconds=180, what="the next hour")
    with beta.put_back():
        yield beta


def fresh(tenant: RunningTenant, name: str, domain: str | None = None) -> Mailbox:
    return tenant.mailbox(f"{name}-{uuid.uuid4().hex[:8]}", domain)


def send(tenant: RunningTenant, sender: Mailbox, *recipients: Mailbox | str) -> None:
    addresses = [r if isinstance(r, str) else r.address for r in recipients]
    with tenant.submission(sender) as client:
        client.sendmail(sender.address, addresses, message(sender.address, addresses[0], uuid.uuid4().hex).as_bytes())


def refused(tenant: RunningTenant, sender: Mailbox, *recipients: Mailbox | str) -> str:
    """The text of the 451. Raises: AssertionError, which `eventually` takes for "not yet"."""
    try:
        send(tenant, sender, *recipients)
    except smtplib.SMTPDataError as error:
        assert error.smtp_code == 451
        return bytes(error.smtp_error).decode()
    raise AssertionError("it was sent")


def usage(tenant: RunningTenant) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(tenant.cli("usage", tenant.label, "--json").stdout)
    return answer


def sent(tenant: RunningTenant, name: str) -> dict[str, Any]:
    (one,) = [one for one in usage(tenant)["sent"] if one["name"] == name]
    return dict(one)


def identities(tenant: RunningTenant) -> str:
    names = [tenant.container(s) for s in ("filter", "cache", "smtp", "imap", "database")]
    return tenant.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", *names).stdout


def test_a_limit_is_set_without_a_restart_and_holds_for_recipients(
    limited: RunningTenant, alpha: RunningTenant
) -> None:
    eager, calm = fresh(limited, "eager"), fresh(limited, "calm")
    before = identities(limited)
    with_limits(limited, mailbox={"hour": 3, "day": 100})
    assert identities(limited) == before
    eventually(lambda: sent(limited, eager.address)["hour_limit"] == 3, what="usage with the new limit")

    def first() -> bool:
        return "3 recipients an hour" in refused(limited, eager, calm, eager, "a@elsewhere.test", "b@elsewhere.test")

    eventually(first, what="the new limit in force")
    send(limited, eager, calm)
    text = refused(limited, eager, calm, eager, "reader@elsewhere.test")
    assert f"Sending limit reached: 3 recipients an hour for {eager.address}; try again after" in text
    assert re.search(r"after \d{4}-\d\d-\d\d \d\d:00 UTC", text)
    send(limited, eager, calm, eager)  # what was refused was not counted
    refused(limited, eager, calm)
    assert sent(limited, eager.address)["hour"] == 3
    # A colleague and another tenant go on.
    send(limited, calm, eager)
    jo, ann = alpha.mailbox("jo"), alpha.mailbox("ann")
    send(alpha, jo, ann)


def test_the_smallest_of_mailbox_domain_and_tenant_wins(limited: RunningTenant) -> None:
    one, two = fresh(limited, "one"), fresh(limited, "two")
    used = sent(limited, limited.domain)["day"]
    with_limits(limited, domain={"day": used + 2}, mailbox={"hour": 5, "day": 5})
    eventually(
        lambda: "recipients a day for the domain" in refused(limited, one, one, two, "a@elsewhere.test"),
        what="the domain's limit",
    )
    send(limited, one, two)
    send(limited, two, one)
    assert f"for the domain {limited.domain}" in refused(limited, two, one)
    used = sent(limited, "")["day"]
    with_limits(limited, tenant={"day": used + 1}, mailbox={"hour": 6, "day": 6})
    eventually(lambda: "for all mailboxes together" in refused(limited, one, two, one), what="the tenant's limit")
    send(limited, one, two)
    assert "for all mailboxes together" in refused(limited, two, one)


def test_counts_outlive_restarts_of_filter_and_cache_and_a_dead_cache_lets_nobody_send(limited: RunningTenant) -> None:
    eager, calm = fresh(limited, "eager"), fresh(limited, "calm")
    with_limits(limited, mailbox={"hour": 2, "day": 2})
    eventually(
        lambda: "2 recipients" in refused(limited, eager, calm, eager, "a@elsewhere.test"), what="the limit in force"
    )
    send(limited, eager, calm, eager)
    limited.docker("restart", limited.container("cache"), limited.container("filter"))
    limited.healthy("cache")
    limited.healthy("filter")
    assert sent(limited, eager.address)["day"] == 2
    eventually(lambda: "2 recipients" in refused(limited, eager, calm), what="the limit after the restart")
    send(limited, calm, eager)
    limited.docker("stop", limited.container("cache"))
    try:
        assert "Sending limits cannot be checked" in refused(limited, calm, eager)
        with limited.smtp() as client:  # mail from outside does not wait
            token = uuid.uuid4().hex
            client.sendmail(
                "a@elsewhere.test", [calm.address], message("a@elsewhere.test", calm.address, token).as_bytes()
            )
        limited.wait_for(calm, token, folder="Junk")  # no server of elsewhere.test sent it
    finally:
        limited.docker("start", limited.container("cache"))
        limited.healthy("cache")
    # What the dead cache could not count was not sent: the second one is still free.
    eventually(lambda: send(limited, calm, eager) or True, what="sending again")


def test_a_warm_up_that_begins_today_caps_the_whole_tenant(limited: RunningTenant) -> None:
    one = fresh(limited, "one")
    used = sent(limited, "")["day"]
    today = datetime.now(UTC).date().isoformat()
    with_limits(limited, mailbox={"hour": 9, "day": 9}, warmup={"from": today, "first_day": used + 1, "growth": 2})
    eventually(lambda: f"{used + 1} recipients a day for all" in refused(limited, one, one, one), what="the warm-up")
    assert sent(limited, "")["day_limit"] == used + 1
    send(limited, one, one)
    refused(limited, one, one)


@pytest.mark.parametrize("scope", ["mailbox", "domain", "tenant"])
def test_a_pause_stops_sending_within_a_minute_and_outlives_restarts(
    beta: RunningTenant, alpha: RunningTenant, scope: str
) -> None:
    stopped, other = fresh(beta, "stopped"), fresh(beta, "other")
    options = {"mailbox": ["--mailbox", stopped.address], "domain": ["--domain", beta.domain], "tenant": []}[scope]
    send(beta, stopped, other)
    before = identities(beta)
    beta.cli("pause", beta.label, *options, "--reason", "a test")
    try:
        eventually(lambda: "Sending is paused" in refused(beta, stopped, other), seconds=60, what="the pause in force")
        assert identities(beta) == before
        assert [p["scope"] for p in usage(beta)["paused"]] == [scope]
        if scope == "mailbox":
            send(beta, other, stopped)
        else:
            refused(beta, other, stopped)
        send(alpha, alpha.mailbox("jo"), alpha.mailbox("ann"))
        beta.docker("restart", beta.container("filter"))
        beta.healthy("filter")
        assert "Sending is paused" in refused(beta, stopped, other)
        token = uuid.uuid4().hex
        with beta.smtp() as client:
            client.sendmail(
                "a@elsewhere.test", [stopped.address], message("a@elsewhere.test", stopped.address, token).as_bytes()
            )
        beta.wait_for(stopped, token, folder="Junk")  # no server of elsewhere.test sent it
    finally:
        beta.cli("resume", beta.label, *options)
    eventually(lambda: send(beta, stopped, other) or True, seconds=60, what="sending again")
    again = beta.cli("resume", beta.label, *options, check=False)
    assert again.returncode == 1
    assert "is not paused" in again.stderr


def test_a_pause_of_somebody_who_is_not_there_is_refused(beta: RunningTenant) -> None:
    for options in (["--mailbox", f"nobody@{beta.domain}"], ["--domain", "gamma.test"]):
        done = beta.cli("pause", beta.label, *options, check=False)
        assert done.returncode == 1
    assert usage(beta)["paused"] == []
