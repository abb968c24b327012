"""The list of own domains is a live file: a new domain restarts nothing; without the list nothing passes as foreign."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from mailtenant.sending import own_domains
from mailtenant.settings import load_stack_file
from tests.world.conftest import NETWORK, SUBNET
from tests.world.flow import Flow
from tests.world.tenants import Mailbox, RunningTenant, eventually, message
from tests.world.test_failures import attempt, in_volume, sends_again, settled
from world import World, places_of
from world.outside import OutsideMx

NEW = "beta-three.test"
READER, WRITER = "reader@elsewhere.test", "writer@elsewhere.test"
# All but the name server, which gets a zone, and the web host, whose certificate names the domain.
MAIL = ("edge", "resolver", "database", "cache", "filter", "imap", "smtp")
DAMAGE = {
    "missing": "rm /dkim/domains.list",
    "empty": ": >/dkim/domains.list",
    "cut short": "head -n -1 /dkim/whole.list >/dkim/domains.list",
    "unreadable": "chmod 0000 /dkim/domains.list",
}
# Hands the filter a forwarded message, as Postfix does with what comes over loopback, and prints the verdict.
FORWARD = r"""
use IO::Socket::UNIX;
my $from = $ARGV[0];
my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => '/run/milter/milter.sock') or die;
sub packet {
    my ($command, $data) = @_;
    print $socket pack('N a a*', 1 + length $data, $command, $data);
    $socket->flush;
}
sub answer {
    read($socket, my $head, 4) == 4 or die;
    read($socket, my $body, unpack 'N', $head) or die;
    return $body;
}
packet('O', pack 'NNN', 6, 0x1ff, 0);
answer();
packet('C', "localhost\0" . '4' . pack('n', 25) . "127.0.0.1\0");
packet('H', "localhost\0");
packet('M', "<writer\@elsewhere.test>\0");
packet('R', "<reader\@elsewhere.test>\0");
packet('L', "Received\0from a by b; Sat, 28 Nov 2026 10:00:00 +0000\0");
packet('L', "From\0$from\0");
packet('L', "Subject\0forwarded\0");
packet('N', '');
packet('B', "forwarded\r\n");
packet('E', '');
my $verdict;
do { $verdict = answer() } until $verdict =~ /^[arty]/;
print $verdict =~ /^y(.*?)\0/ ? $1 : $verdict =~ /^a/ ? '250' : $verdict;
"""
PARSED = """
package.path = "/usr/share/mailtenant/filter/?.lua;" .. package.path
local domains = require "domains"
local host, text = io.read("*l"), io.read("*a")
local whole = {}
for length = 0, #text do
  whole[#whole + 1] = domains.parse(text:sub(1, length), host) and length or nil
end
print("WHOLE " .. table.concat(whole, " ") .. " of " .. #text)
"""


def started(tenant: RunningTenant) -> dict[str, str]:
    form = "{{.Id}} {{.State.StartedAt}}"
    return {s: tenant.docker("inspect", "-f", form, tenant.container(s)).stdout for s in MAIL}


def signed(tenant: RunningTenant, sender: Mailbox, outside: OutsideMx) -> set[tuple[str, str]]:
    """(domain, result) of the signatures of a mail that the mailbox sends now."""
    token = uuid.uuid4().hex
    with tenant.submission(sender) as client:
        client.send_message(message(sender.address, READER, token))
    return {(signature.domain, signature.result) for signature in outside.wait_for(READER, token).verdicts.dkim}


@dataclass(frozen=True)
class Grown:
    """A tenant whose stack file has one domain more than is up; `before` is the file without it."""

    tenant: RunningTenant
    before: str


@pytest.fixture
def grown(beta: RunningTenant, alpha: RunningTenant) -> Iterator[Grown]:
    """beta with a new domain, which the world's DNS knows; all is put back at the end."""
    world, before = World(name=NETWORK, subnet=SUBNET), beta.stack_file.read_text()
    beta.cli("domain", "add", beta.label, NEW)
    world.up(places_of([load_stack_file(t.stack_file) for t in (alpha, beta)]))
    try:
        yield Grown(beta, before)
    finally:
        beta.cli("mailbox", "remove", beta.label, f"jo@{NEW}", "--yes", check=False)
        beta.mailboxes.pop(f"jo@{NEW}", None)
        beta.stack_file.write_text(before)
        beta.up()
        world.up(places_of([load_stack_file(t.stack_file) for t in (alpha, beta)]))


def test_a_new_domain_restarts_no_mail_service_and_signs_at_once(grown: Grown, outside: OutsideMx) -> None:
    tenant, stack_file = grown.tenant, grown.tenant.stack_file
    ann, before = tenant.mailbox("ann"), started(grown.tenant)
    with Flow(outside, ann) as flow:
        tenant.up()
    flow.nothing_is_lost(tenant)
    jo, token = tenant.mailbox("jo", NEW), uuid.uuid4().hex
    assert signed(tenant, jo, outside) == {(NEW, "pass")}
    (sent,) = outside.send(message(WRITER, jo.address, token), sender=WRITER, recipients=[jo.address])
    assert sent.accepted
    tenant.wait_for(jo, token)
    assert forwarded(tenant, f"Jo <jo@{NEW}>").startswith("554")
    assert started(tenant) == before

    # Taken out while it has a mailbox: refused, and the filter still knows it.
    with_it = stack_file.read_text()
    stack_file.write_text(grown.before)
    refused = tenant.pulumi("up", "--yes", "--skip-preview", check=False)
    assert refused.returncode and f"{NEW} is no longer listed and has 1 mailbox" in refused.stdout + refused.stderr
    stack_file.write_text(with_it)
    # Nothing was changed, its zone included.
    assert signed(tenant, jo, outside) == {(NEW, "pass")}

    # Without mailboxes it goes, and is a domain like any other.
    tenant.cli("mailbox", "remove", tenant.label, jo.address, "--yes")
    del tenant.mailboxes[jo.address]
    stack_file.write_text(grown.before)
    tenant.up()
    assert forwarded(tenant, f"Jo <jo@{NEW}>") == "250"
    assert signed(tenant, ann, outside) == {(tenant.domain, "pass")}
    assert started(tenant) == before


def forwarded(tenant: RunningTenant, sender: str) -> str:
    """The filter's verdict on an unsigned message that a user's script forwards: `250`, or the reply line."""
    done = tenant.docker("exec", "-i", tenant.container("filter"), "perl", "-", sender, stdin=FORWARD)
    return done.stdout


@contextmanager
def damaged(tenant: RunningTenant, damage: str) -> Iterator[None]:
    in_volume(tenant, f"cp -p /dkim/domains.list /dkim/whole.list && {DAMAGE[damage]}")
    try:
        yield
    finally:
        in_volume(tenant, "rm -f /dkim/domains.list && mv /dkim/whole.list /dkim/domains.list")


@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_while_the_list_is_damaged_what_it_named_is_ours_and_nothing_is_foreign(
    alpha: RunningTenant, outside: OutsideMx, damage: str
) -> None:
    jo = alpha.mailbox("jo")
    forged, foreign = f"Jo <{jo.address}>", f"Writer <{WRITER}>"
    assert forwarded(alpha, foreign) == "250"
    with damaged(alpha, damage):
        assert signed(alpha, jo, outside) == {(alpha.domain, "pass")}
        assert forwarded(alpha, forged).startswith("554")
        # A domain that came with the list that cannot be read: nobody knows whether this is one.
        assert forwarded(alpha, foreign).startswith("451")
    assert forwarded(alpha, foreign) == "250"


def answer(tenant: RunningTenant, token: str) -> tuple[int, str]:
    """The rule's own answer, once the filter answers again."""
    return eventually(lambda: settled(attempt(tenant, token)), what="an answer that is the rule's own") or (0, "")


def test_where_the_list_was_never_read_nothing_is_sent_or_forwarded(alpha: RunningTenant, outside: OutsideMx) -> None:
    jo = alpha.mailbox("jo")
    with damaged(alpha, "missing"):
        alpha.docker("restart", "-t", "5", alpha.container("filter"))
        alpha.healthy("filter")
        for damage in ("missing", "empty", "cut short"):
            in_volume(alpha, f"rm -f /dkim/domains.list; touch /dkim/domains.list && {DAMAGE[damage]}")
            token = uuid.uuid4().hex
            code, text = answer(alpha, token)
            assert code == 451 and "list of our domains" in text, text
            for sender in (jo.address, WRITER):
                assert forwarded(alpha, f"Somebody <{sender}>").startswith("451")
    sends_again(alpha, outside)
    assert not [seen for seen in outside.messages(READER) if token.encode() in seen.raw]


def test_no_part_of_the_list_is_taken_for_all_of_it(alpha: RunningTenant) -> None:
    document = own_domains(alpha.settings)
    script = ["sh", "-c", 'printf %s "$0" >/tmp/case.lua; exec rspamadm lua -b /tmp/case.lua', PARSED]
    container = alpha.container("filter")
    done = alpha.docker("exec", "-i", container, *script, stdin=f"{alpha.settings.host}\n{document}")
    assert f"WHOLE {len(document)} of {len(document)}" in done.stdout
