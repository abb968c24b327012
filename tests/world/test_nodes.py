"""One mail server, three, one again: each stands for itself, nothing is lost on the way, nothing is left behind."""

import json
import re
import smtplib
import uuid
from collections.abc import Iterator

import dns.resolver
import pytest

from mailtenant.settings import load_stack_file
from tests.world.conftest import NETWORK, SUBNET
from tests.world.flow import Flow
from tests.world.tenants import RunningTenant, authenticate, eventually, message
from world import World, places_of
from world.outside import OutsideMx

ADDRESSES, PUBLISHED = ("10.97.1.20", "10.97.1.21"), ("127.0.2.20", "127.0.2.21")


def held(tenant: RunningTenant) -> set[str]:
    """Names of all that the engine has of the tenant; versions of files are left out of names."""
    wanted = ["--filter", f"label=mailtenant.tenant={tenant.label}"]
    lists = (["ps", "-a", "--format", "{{.Names}}"], ["volume", "ls", "-q"], ["network", "ls", "--format", "{{.Name}}"])
    names = [name for kind in lists for name in tenant.docker(*kind, *wanted).stdout.split()]
    return {re.sub(r"-[0-9a-f]{12}", "", name) for name in names}


def queue(tenant: RunningTenant, service: str) -> set[str]:
    lines = tenant.execute(service, "postqueue", "-j").splitlines()
    return {recipient["address"] for line in lines for recipient in json.loads(line)["recipients"]}


def submit(tenant: RunningTenant, place: str, sender: str, to: str, token: str) -> None:
    """587 of one mail server, whose certificate must be for its own name."""
    number = 2 + PUBLISHED.index(place)
    with smtplib.SMTP(place, 587, timeout=60) as client:
        client._host = f"mx{number}.{tenant.settings.host}"  # type: ignore[attr-defined]
        client.starttls(context=tenant.tls())
        client.ehlo("client.example")
        authenticate(client, tenant.mailbox(sender))
        client.send_message(message(f"{sender}@{tenant.domain}", to, token))


def exchangers(resolver: dns.resolver.Resolver, name: str) -> set[tuple[int, str]]:
    return {(mx.preference, str(mx.exchange).rstrip(".")) for mx in resolver.resolve(name, "MX")}


@pytest.fixture
def three(beta: RunningTenant, alpha: RunningTenant) -> Iterator[RunningTenant]:
    """beta's stack file asks for three mail servers; it is put back, and up, at the end."""
    options = [part for address in ADDRESSES for part in ("--address", address)]
    options += [part for address in PUBLISHED for part in ("--publish", address)]
    with beta.put_back():
        beta.cli("nodes", beta.label, "--smtp", "3", *options)
        World(name=NETWORK, subnet=SUBNET).up(places_of([load_stack_file(t.stack_file) for t in (alpha, beta)]))
        yield beta


def scale(tenant: RunningTenant, number: int) -> None:
    """The one number of the stack file."""
    tenant.edit(r"\bsmtp: \d+", f"smtp: {number}")


def test_one_three_one_loses_no_mail_and_leaves_nothing(three: RunningTenant, outside: OutsideMx) -> None:
    beta, host, resolver = three, three.settings.host, World(name=NETWORK, subnet=SUBNET).resolver()
    ann = beta.mailbox("ann")
    beta.mailbox("jo")
    started = ("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", beta.container("smtp"))
    before, first = held(beta), beta.docker(*started).stdout
    with Flow(outside, ann) as flow:
        preview = json.loads(beta.pulumi("preview", "--json").stdout)
        touched = {step["urn"].rsplit("::", 1)[-1] for step in preview["steps"] if step["op"] not in ("same", "create")}
        assert not [name for name in touched if re.search("-(smtp|imap|database|filter|edge|resolver)", name)]
        beta.up()
        assert beta.docker(*started).stdout == first
        names = [host, f"mx2.{host}", f"mx3.{host}"]
        eventually(lambda: exchangers(resolver, beta.domain) == {(10, name) for name in names}, what="three MX")
        for place, address, name in zip(PUBLISHED, ADDRESSES, names[1:], strict=True):
            with smtplib.SMTP(place, 25, timeout=60) as client:
                assert client.docmd("EHLO", "client.example")[1].decode().splitlines()[0] == name
            assert str(resolver.resolve_address(address)[0]).rstrip(".") == name
            token = uuid.uuid4().hex
            submit(beta, place, "jo", "reader@elsewhere.test", token)
            got = outside.wait_for("reader@elsewhere.test", token)
            assert got.client.address == address
            assert got.client.ehlo == name
            assert got.verdicts.spf.result == got.verdicts.dmarc.result == "pass"
        # What waits on the third one for somebody outside, and what is held there.
        fault = outside.refuse("waiting@elsewhere.test", "451 4.2.0 later")
        waiting = uuid.uuid4().hex
        submit(beta, PUBLISHED[1], "jo", "waiting@elsewhere.test", waiting)
        eventually(lambda: "waiting@elsewhere.test" in queue(beta, "smtp-3"), what="deferred on the third one")
        scale(beta, 1)
        said = beta.up().stdout
        assert "mail server 3 of beta goes" in said
        assert held(beta) == before
        eventually(lambda: "waiting@elsewhere.test" in queue(beta, "smtp"), what="in the first one's queue")
        eventually(lambda: exchangers(resolver, beta.domain) == {(10, host)}, what="one MX")
    outside.no_faults(fault)
    beta.execute("smtp", "postqueue", "-f")
    got = outside.wait_for("waiting@elsewhere.test", waiting)
    assert got.client.address == str(beta.settings.edge.address)
    beta.pulumi("preview", "--expect-no-changes")
    assert len(flow.accepted) > 5

    flow.nothing_is_lost(beta)


def test_a_queue_with_mail_in_it_is_not_deleted_and_take_down_keeps_it(
    three: RunningTenant, outside: OutsideMx
) -> None:
    beta = three
    beta.mailbox("jo")
    scale(beta, 2)
    beta.up()
    fault = outside.refuse("later@elsewhere.test", "451 4.2.0 later")
    token = uuid.uuid4().hex
    submit(beta, PUBLISHED[0], "jo", "later@elsewhere.test", token)
    eventually(lambda: "later@elsewhere.test" in queue(beta, "smtp-2"), what="deferred on the second one")
    # By hand, without the program: refused.
    by_hand = beta.pulumi(
        "destroy",
        "--yes",
        "--skip-preview",
        "--target",
        f"**{beta.label}-smtp-2-queue",
        "--target-dependents",
        check=False,
    )
    assert by_hand.returncode != 0
    assert f"mt-{beta.label}-queue-2" in held(beta)
    beta.up()
    eventually(lambda: "later@elsewhere.test" in queue(beta, "smtp-2"), what="still there")
    beta.cli("down", beta.label)
    assert f"mt-{beta.label}-queue-2" not in held(beta)
    outside.no_faults(fault)
    beta.up()
    beta.execute("smtp", "postqueue", "-f")
    outside.wait_for("later@elsewhere.test", token)
