"""Moving mailboxes: does the interruption grow with the mailbox, and what does the copier cost above a plain dsync?"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median

from bench.commands import eventually, timed
from bench.results import Aim, BenchError, Figure, Result
from bench.session import PASSWORD, Session
from bench.statistics import Compared, compare, interleaved, spread
from bench.tenant import DOMAIN, NETWORK, SUBNET, BenchTenant
from mailtenant.accounts.engine import TenantEngine
from mailtenant.environment import tool_environment
from mailtenant.mailbox_copy import MailboxCopier
from mailtenant.mailbox_copy.sync import CONFIG, dsync, watched
from mailtenant.migration.sides import Direction
from mailtenant.runner import DockerRunner, Done, checked
from mailtenant.settings import load_stack_file
from mailtenant.shared_host import SharedHost
from mailtenant.tenant_side import TenantMail
from world import World, places_of
from world.layout import SHARED_NAME
from world.shared_host import SharedCustomer, SharedMailbox, SharedSpec

PUBLISH = "127.0.8.3"
SIZES, QUICK_SIZES = {1_000: 5, 10_000: 3, 50_000: 1}, {200: 2, 2_000: 2}
"""Messages → rounds of first passes. A large mailbox takes long, and tells more in one of them."""
DELTA, OCTETS = 50, 4_000
FLAT, RATE = Aim("at most", 2), Aim("at least", 0.8)
_APART = 100
"""Transactions that the source has made above those of a copy, which takes a hundred messages together."""
# A Maildir as a mail server leaves it: one file a message; time, microseconds, process, host and sizes in the name, and
# the flags. Dovecot keeps these names in a hash table: where seconds and microseconds count up in step, thousands of
# names share a value, and each look at 10,000 messages costs a hundred times what it should. ROOT FIRST COUNT OCTETS
_FILL = r"""
my ($root, $first, $count, $octets) = @ARGV;
my $body = ("x" x 70 . "\n") x ($octets / 71);
for my $i ($first .. $first + $count - 1) {
    my $text = "From: a\@elsewhere.test\nTo: b\@bench.test\nSubject: $i\nMessage-ID: <$$.$i\@elsewhere.test>\n\n$body";
    my ($size, $virtual) = (length $text, length($text) + ($text =~ tr/\n//));
    # A prime, so that no two are alike: microseconds as if at random, the same in each run.
    my $name = sprintf("%d.M%06dP%d.mail,S=%d,W=%d", 1700000000 + $i, $i * 611953 % 1000003, $$, $size, $virtual);
    open(my $file, ">", "$root/cur/$name:2,S") or die $!;
    print $file $text;
    close $file or die $!;
}
"""


def measure(session: Session) -> Result:
    """One mailbox a size: first passes onto an empty target in turn with plain ones, then passes with a delta."""
    tenant = session.started().tenant
    sizes = QUICK_SIZES if session.quick else SIZES
    rates: dict[int, Compared] = {}
    freezes: dict[int, list[float]] = {}
    interruptions: dict[int, list[float]] = {}
    with _both_sides(session, tenant, len(sizes)) as copier:
        for number, (size, rounds) in enumerate(sizes.items()):
            address = f"b{number}@{DOMAIN}"
            session.say(f"moving: {size} messages: filling")
            _fill(copier, address, size)
            session.say(f"moving: {size} messages: first passes")
            rates[size] = _rate(copier, address, rounds)
            session.say(f"moving: {size} messages: last passes")
            last = _LastPasses(copier, address, size)
            freezes[size] = [last.alone() for _ in range(2 if session.quick else 5)]
            session.say(f"moving: {size} messages: freezes")
            interruptions[size] = [last.frozen() for _ in range(2 if session.quick else 5)]
    figures = [
        *_by_size("freeze", interruptions, FLAT),
        *_by_size("of it the last pass and comparison", freezes, None),
    ]
    for size, found in rates.items():
        # Of time, a rate's inverse: plain ÷ ours.
        ours, plain = size / found.baseline, size / found.value
        name = f"copy rate, {size} messages"
        figures.append(Figure(name, ours, "messages/s", plain, found.ratio, found.spread, RATE))
    return Result(
        "moving",
        "Moving mailboxes from the shared host",
        "Freeze: from the moment that nobody gets at the old mailbox any more until the new one is open, as the "
        "workflow does it (mail held, logins denied, sessions ended, logins tried, last pass, comparison), for "
        f"mailboxes of different sizes with the same {DELTA} new messages of {OCTETS // 1000} kB. Copy rate: first "
        "passes over the same mailbox onto an empty target, ours (the way in opened and closed, both sides read whole "
        "and compared, filters) and plain ones in turn.",
        tuple(figures),
        baseline="copy rate: one plain `doveadm sync -1 -R` of the same mailbox, without any comparison.",
    )


@contextmanager
def _both_sides(session: Session, tenant: BenchTenant, mailboxes: int) -> Iterator[MailboxCopier]:
    """The shared host beside the tenant; it goes with the bench's world."""
    settings = load_stack_file(tenant.stack_file)
    people = tuple(SharedMailbox(f"b{number}", PASSWORD, "SSHA256", None) for number in range(mailboxes))
    world = World(name=NETWORK, subnet=SUBNET, client=session.client)
    world.up(places_of([settings]), shared=SharedSpec((SharedCustomer(DOMAIN, people),), PUBLISH))
    host = SharedHost(DockerRunner(f"{NETWORK}-shared", tool_environment()), (DOMAIN,), SHARED_NAME, world.shared_ca())
    yield MailboxCopier(host, TenantMail(TenantEngine.of(settings.settings), (DOMAIN,)))


def _by_size(name: str, seconds: Mapping[int, Sequence[float]], aim: Aim | None) -> list[Figure]:
    medians = {size: median(values) for size, values in seconds.items()}
    figures = [
        Figure(f"{name}, {size} messages", medians[size], "s", spread=spread(values))
        for size, values in seconds.items()
    ]
    return [*figures, Figure("largest ÷ smallest", max(medians.values()) / min(medians.values()), "", aim=aim)]


class _LastPasses:
    """Passes by one copier, each with the same delta; the first one has run."""

    def __init__(self, copier: MailboxCopier, address: str, size: int) -> None:
        self._copier, self._address, self._next = copier, address, size
        _pass(copier, address)

    def _deliver(self) -> None:
        _imap(self._copier, self._address, appended(self._next, DELTA))
        self._next += DELTA

    def alone(self) -> float:
        """Seconds of the pass."""
        self._deliver()
        return timed(lambda: _pass(self._copier, self._address))

    def frozen(self) -> float:
        """Seconds of the whole freeze; both sides are open afterwards."""
        old, new = self._copier.shared, self._copier.tenant
        new.freeze()
        self._deliver()
        try:
            return timed(lambda: self._move(old, new))
        finally:
            new.thaw()
            old.thaw()

    def _move(self, old: SharedHost, new: TenantMail) -> None:
        """As the steps `freeze`, `final` and `open_tenant` of the workflow."""
        old.freeze()
        _quiet(old)
        # Asked again where a login still got in, as the step is tried again.
        eventually(lambda: not old.admitted(), "logins to be denied")
        _quiet(old)
        _pass(self._copier, self._address)
        _quiet(old)
        new.thaw()


def _quiet(side: SharedHost) -> None:
    if not side.activity().quiet:
        raise BenchError("moving: a session or a delivery is under way in the freeze")


def _rate(copier: MailboxCopier, address: str, rounds: int) -> Compared:
    """Seconds of plain passes, against ours. One before them finds out what the source has not in memory yet."""
    _plain(copier, address)
    plain, ours = interleaved(rounds, lambda: _plain(copier, address), lambda: _ours(copier, address))
    return compare(plain, ours)


def _ours(copier: MailboxCopier, address: str) -> float:
    """By a copier that has seen nothing yet."""
    _wipe(copier, address)
    fresh = MailboxCopier(copier.shared, copier.tenant)
    return timed(lambda: _pass(fresh, address))


def _plain(copier: MailboxCopier, address: str, rounds: int = 3) -> float:
    _wipe(copier, address)
    with copier.shared.copy_access([address]) as access:
        transport = dsync(copier.shared, lambda: access.password)
        # Plain, but for the end of one that stalls (docs/decisions/0042), which is measured anew.
        command = ["doveadm", "-c", CONFIG, "sync", "-1", "-R", "-T", "20", "-u", address, transport.location]
        done: list[Done] = []
        seconds = timed(lambda: done.append(transport.run(copier.tenant.imap, [*watched(30), *command], 3600)))
    if not done[0].code:
        return seconds
    if rounds > 1:
        return _plain(copier, address, rounds - 1)
    raise BenchError(f"moving: doveadm sync ended with {done[0].code}: {done[0].last_words()}")


def _wipe(copier: MailboxCopier, address: str) -> None:
    """The target as it was before the first pass; again, where a session that ends still writes."""
    folder = f"/var/vmail/{DOMAIN}/{address.partition('@')[0]}"
    eventually(
        lambda: not copier.tenant.imap.run(["rm", "-rf", "--", folder], seconds=600).code, f"{folder} to be removed"
    )


def _pass(copier: MailboxCopier, address: str) -> None:
    report = copier.run(Direction.TO_TENANT, [address])
    if wrong := report.errors() + report.differences():
        raise BenchError(f"moving: {wrong[0]}")


def appended(first: int, count: int) -> list[bytes]:
    """New messages, each on its own as a delivery is; IMAP commands (RFC 7888: no wait before the text)."""
    body = ("x" * 70 + "\r\n") * (OCTETS // 72)
    texts = [
        f"From: a@elsewhere.test\r\nTo: b@bench.test\r\nSubject: {number}\r\n"
        f"Message-ID: <new.{number}@elsewhere.test>\r\n\r\n{body}".encode()
        for number in range(first, first + count)
    ]
    return [b"APPEND INBOX {%d+}\r\n%s" % (len(text), text) for text in texts]


def flagged(transactions: int) -> list[bytes]:
    """As many changes, which leave everything as it was."""
    stores = [b"UID STORE 1 %sFLAGS.SILENT (\\Flagged)" % sign for sign in (b"+", b"-")]
    return [b"SELECT INBOX", *stores * (transactions // 2)]


def _imap(copier: MailboxCopier, address: str, commands: Sequence[bytes]) -> None:
    """One session on the shared host."""
    said = b"".join(b"a%d %s\r\n" % numbered for numbered in enumerate(commands)) + b"z LOGOUT\r\n"
    text = checked(copier.shared.runner, ["doveadm", "exec", "imap", "-u", address], stdin=said, seconds=3600)
    done = sum(1 for line in text.splitlines() if re.match(r"a\d+ OK", line))
    if done != len(commands):
        raise BenchError(f"moving: {address}: {len(commands) - done} of {len(commands)} IMAP commands failed")


def _fill(copier: MailboxCopier, address: str, count: int) -> None:
    """A full mailbox on the shared host, its indexes brought up to date, with a modification sequence above what a
    copy makes of the target's, as years of single deliveries leave it; see docs/decisions/0041."""
    local = address.partition("@")[0]
    root = f"/var/vmail/{DOMAIN}/{local}/Maildir"
    runner = copier.shared.runner
    checked(
        runner, ["install", "-d", "-o", "vmail", "-g", "vmail", *(f"{root}/{part}" for part in ("cur", "new", "tmp"))]
    )
    checked(
        runner,
        ["install", "-d", "-o", "vmail", "-g", "vmail", f"/var/vmail/{DOMAIN}", f"/var/vmail/{DOMAIN}/{local}", root],
    )
    # `perl -` reads the program from stdin.
    words = ["setpriv", "--reuid=vmail", "--regid=vmail", "--clear-groups", "perl", "-", root, "0", str(count)]
    checked(runner, [*words, str(OCTETS)], stdin=_FILL.encode(), seconds=3600)
    checked(runner, ["doveadm", "index", "-u", address, "INBOX"], seconds=3600)
    _imap(copier, address, flagged(count // 100 + _APART))
