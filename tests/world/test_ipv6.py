"""IPv6: a tenant that has an address of its own there, and beside it, on the same network, one that has none."""

import json
import re
import smtplib
import socket
import ssl
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import pytest

from mailtenant.settings import load_stack_file
from tests.world.conftest import copy_project, new_tenant, remove_tenant
from tests.world.tenants import RunningTenant, authenticate, message
from world import World, places_of
from world.outside import OutsideMx, Say

NETWORK, SUBNET, SUBNET6 = "mailtenant-six", "10.85.0.0/24", "fd00:85::/64"
ADDRESS6, LATER6 = "fd00:85::110", "fd00:85::111"
WITHOUT_IPV6 = "mailtenant-six-none"
WITH = (["six.test"], "10.85.0.110", "10.85.1.0/28", "127.0.6.1")
WITHOUT = (["four.test"], "10.85.0.111", "10.85.1.16/28", "127.0.6.2")
HTTP = (80, 443)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World(name=NETWORK, subnet=SUBNET, subnet6=SUBNET6)
    for label in ("six", "four"):
        remove_tenant(label)
    made.down()
    try:
        yield made
    finally:
        for label in ("six", "four"):
            remove_tenant(label)
        made.down()


@pytest.fixture(scope="module")
def both(
    world: World, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, RunningTenant]:
    project: Path = copy_project(tmp_path_factory.mktemp("six"))
    place = {"network": NETWORK, "dns": world.layout.dns}
    six = new_tenant(project, environment, "six", "--edge-address6", ADDRESS6, place=WITH, **place)
    four = new_tenant(project, environment, "four", place=WITHOUT, **place)
    world.up(places_of([load_stack_file(tenant.stack_file) for tenant in (six, four)]))
    with ThreadPoolExecutor() as pool:
        list(pool.map(RunningTenant.up, (six, four)))
    return {"six": six, "four": four}


@pytest.fixture
def six(both: dict[str, RunningTenant]) -> RunningTenant:
    return both["six"]


@pytest.fixture
def four(both: dict[str, RunningTenant]) -> RunningTenant:
    return both["four"]


@pytest.fixture
def outside(world: World, both: dict[str, RunningTenant]) -> OutsideMx:
    return world.outside()


def submit(tenant: RunningTenant, sender: str, to: str) -> str:
    """Returns the token by which the message is found."""
    box, token = tenant.mailbox(sender), uuid.uuid4().hex
    with tenant.submission(box) as client:
        client.send_message(message(box.address, to, token))
    return token


def edge_address6(tenant: RunningTenant) -> str:
    """What the engine gave the tenant's edge on the network."""
    form = f'{{{{json (index .NetworkSettings.Networks "{NETWORK}")}}}}'
    seen = json.loads(tenant.docker("inspect", "-f", form, tenant.container("edge")).stdout)
    return str(seen["GlobalIPv6Address"])


def test_every_port_answers_at_the_ipv6_address(six: RunningTenant) -> None:
    context, host = six.tls(), six.settings.host
    for port in (465, 993, 443):
        with (
            socket.create_connection((ADDRESS6, port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname=host) as tls,
        ):
            assert tls.version() in ("TLSv1.2", "TLSv1.3")
            if port != 443:
                assert tls.recv(4).startswith((b"220 ", b"* OK"))
    for port, greeting in ((25, b"220 "), (587, b"220 "), (4190, b'"IMP')):
        with socket.create_connection((ADDRESS6, port), timeout=20) as plain:
            assert plain.recv(4) == greeting
    with socket.create_connection((ADDRESS6, 80), timeout=20) as plain:
        plain.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        assert plain.recv(12) == b"HTTP/1.1 301"


def test_the_name_server_serves_the_aaaa_and_answers_by_ipv6_itself(six: RunningTenant, world: World) -> None:
    host = six.settings.host
    answer = dns.query.udp(dns.message.make_query(host, "AAAA"), ADDRESS6, timeout=10)
    assert [rdata.to_text() for one in answer.answer for rdata in one] == [ADDRESS6]
    assert [rdata.to_text() for rdata in world.resolver().resolve(host, "AAAA")] == [ADDRESS6]
    pointer = world.resolver().resolve(ip_address(ADDRESS6).reverse_pointer, "PTR")
    assert [rdata.to_text() for rdata in pointer] == [f"{host}."]


def test_mail_leaves_by_ipv6_from_the_address_that_spf_names(six: RunningTenant, outside: OutsideMx) -> None:
    token = submit(six, "jo", "reader@v6only.test")
    got = outside.wait_for("reader@v6only.test", token)
    assert (got.client.address, got.client.ptr, got.client.ehlo) == (ADDRESS6, six.settings.host, six.settings.host)
    assert got.client.forward_confirmed
    assert got.verdicts.spf.result == got.verdicts.dkim_result == got.verdicts.dmarc.result == "pass"
    assert got.verdicts.dmarc.spf_aligned


def test_mail_to_a_place_with_both_leaves_by_either_and_passes(six: RunningTenant, outside: OutsideMx) -> None:
    for _ in range(4):
        got = outside.wait_for("reader@elsewhere.test", submit(six, "jo", "reader@elsewhere.test"))
        assert got.client.address in (ADDRESS6, WITH[1])
        assert got.verdicts.spf.result == "pass" and got.client.forward_confirmed


def test_mail_comes_in_by_ipv6_and_spf_of_its_sender_is_judged(six: RunningTenant, outside: OutsideMx) -> None:
    jo, token = six.mailbox("jo"), uuid.uuid4().hex
    raw = message("writer@elsewhere.test", jo.address, token).as_bytes().replace(b"\n", b"\r\n")
    steps = [
        Say(),
        Say(b"EHLO mx.elsewhere.test\r\n"),
        Say(b"MAIL FROM:<writer@elsewhere.test>\r\n"),
        Say(f"RCPT TO:<{jo.address}>\r\n".encode()),
        Say(b"DATA\r\n"),
        Say(raw + b"\r\n.\r\n"),
    ]
    heard = outside.dialogue(ADDRESS6, steps)
    assert heard[-1].replies[0].code == 250, heard
    text = six.wait_for(jo, token).decode()
    assert "spf=pass" in text and "[IPv6:fd00:85::25]" in text


def test_dns_verify_asks_for_both_families(six: RunningTenant, four: RunningTenant) -> None:
    found = json.loads(six.cli("dns", "verify", "six", "--wait", "60", "--json").stdout)
    subjects = {one["subject"]: one["state"] for one in found}
    assert subjects[f"{six.settings.host} AAAA"] == "ok"
    assert subjects[f"SPF of six.test for {ADDRESS6}"] == "ok"
    found = json.loads(four.cli("dns", "verify", "four", "--wait", "60", "--json").stdout)
    assert {"ok"} == {one["state"] for one in found}
    assert "none, as planned" in {one["said"] for one in found if one["subject"] == f"{four.settings.host} AAAA"}


def test_an_aaaa_that_nobody_planned_is_told(six: RunningTenant) -> None:
    """The stack file without the address, DNS still with it: to the plan that address is somebody's."""
    before = six.stack_file.read_text()
    try:
        six.stack_file.write_text(re.sub(", address6: [^,]+", "", before))
        assert six.settings.edge.address6 is None
        done = six.cli("dns", "verify", "six", "--json", check=False)
    finally:
        six.stack_file.write_text(before)
    wrong = {one["subject"]: one for one in json.loads(done.stdout) if one["state"] == "wrong"}
    assert done.returncode == 1
    assert ADDRESS6 in wrong[f"{six.settings.host} AAAA"]["said"]


def test_without_an_address_of_its_own_nothing_leaves_or_comes_by_ipv6(four: RunningTenant, outside: OutsideMx) -> None:
    unasked = edge_address6(four)
    assert ip_address(unasked).version == 6, "the engine gives every container of such a network one"
    for _ in range(6):
        got = outside.wait_for("reader@elsewhere.test", submit(four, "ann", "reader@elsewhere.test"))
        assert got.client.address == WITHOUT[1] and got.verdicts.spf.result == "pass"
    token = submit(four, "ann", "reader@v6only.test")
    bounce = four.wait_for(four.mailbox("ann"), token)
    assert b"v6only.test" in bounce and not outside.messages("reader@v6only.test", subject=token)
    for port in (25, 53, 80, 443, 465, 587, 993, 4190):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((unasked, port), timeout=5)


def test_neighbours_write_to_each_other(six: RunningTenant, four: RunningTenant) -> None:
    jo, ann = six.mailbox("jo"), four.mailbox("ann")
    four.wait_for(ann, submit(six, "jo", ann.address))
    six.wait_for(jo, submit(four, "ann", jo.address))


def test_a_second_up_changes_nothing_and_a_refresh_neither(six: RunningTenant, four: RunningTenant) -> None:
    four.pulumi("preview", "--expect-no-changes")
    six.pulumi("preview", "--expect-no-changes")
    six.pulumi("preview", "--refresh", "--expect-no-changes")
    addresses = json.loads(six.pulumi("stack", "output", "--json").stdout)["addresses"]
    assert addresses == [WITH[1], ADDRESS6]
    assert edge_address6(six) == ADDRESS6


def test_a_client_that_prefers_ipv6_logs_in_and_sends(six: RunningTenant) -> None:
    jo = six.mailbox("jo")
    with smtplib.SMTP(ADDRESS6, 587, timeout=60) as client:
        client._host = six.settings.host  # type: ignore[attr-defined]
        client.starttls(context=six.tls())
        client.ehlo("client.example")
        authenticate(client, jo)
        token = uuid.uuid4().hex
        client.send_message(message(jo.address, jo.address, token))
    six.wait_for(jo, token)
    with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection((ADDRESS6, 993), 20) as plain:
        six.tls().wrap_socket(plain, server_hostname="another.test")


def test_an_address_that_the_network_cannot_hold_is_refused_before_anything_is_touched(four: RunningTenant) -> None:
    before, edge = four.stack_file.read_text(), four.docker("inspect", "-f", "{{.Id}}", four.container("edge")).stdout
    place = f"network: {NETWORK}, address: {WITHOUT[1]}"
    assert place in before
    four.docker("network", "create", "--subnet", "10.85.2.0/24", WITHOUT_IPV6)
    try:
        for address6, network, words in (
            ("fd00:86::5", NETWORK, f"is not in {SUBNET6}, which {NETWORK} has"),
            ("fd00:85::5", WITHOUT_IPV6, f"the engine's network {WITHOUT_IPV6} has no IPv6"),
        ):
            changed = f'network: {network}, address: {WITHOUT[1]}, address6: "{address6}"'
            four.stack_file.write_text(before.replace(place, changed))
            done = four.pulumi("up", "--yes", "--skip-preview", check=False)
            assert done.returncode != 0 and "mailtenant:tenant.edge.address6" in done.stdout and words in done.stdout
            live = four.cli("validate", str(four.stack_file), "--live", check=False)
            assert live.returncode == 1 and words in live.stderr
    finally:
        four.stack_file.write_text(before)
        four.docker("network", "rm", WITHOUT_IPV6)
    assert four.docker("inspect", "-f", "{{.Id}}", four.container("edge")).stdout == edge
    four.pulumi("preview", "--expect-no-changes")


def test_a_tenant_that_runs_gets_ipv6_and_keeps_its_mail(
    six: RunningTenant, four: RunningTenant, world: World, outside: OutsideMx
) -> None:
    ann = four.mailbox("ann")
    kept = submit(four, "ann", ann.address)
    four.wait_for(ann, kept)
    place = f"address: {WITHOUT[1]}"
    four.stack_file.write_text(four.stack_file.read_text().replace(place, f'{place}, address6: "{LATER6}"'))
    world.up(places_of([load_stack_file(tenant.stack_file) for tenant in (six, four)]))
    four.up()
    assert edge_address6(four) == LATER6
    four.wait_for(ann, kept)
    got = outside.wait_for("reader@v6only.test", submit(four, "ann", "reader@v6only.test"))
    assert got.client.address == LATER6 and got.client.forward_confirmed
    assert got.verdicts.spf.result == got.verdicts.dmarc.result == "pass"
    four.pulumi("preview", "--expect-no-changes")
