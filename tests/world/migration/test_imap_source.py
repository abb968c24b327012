"""`mailtenant mailbox copy` from a real foreign server into a real tenant."""

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailtenant.mailbox_copy.session import sieve_session
from mailtenant.shared_host import SharedHost
from mailtenant.tenant_side import TenantMail
from tests.world.migration import moving
from tests.world.migration.foreign import MASTER, MASTER_PASSWORD, Foreign, put
from tests.world.migration.people import append, subjects
from tests.world.tenants import Mailbox, RunningTenant
from world.shared_host import SHARED_NAME

JO, ANN, BOB = (moving.login(box) for box in (moving.JO, moving.ANN, moving.BOB))
THERE = [Mailbox(JO.address, "old pw of jo"), Mailbox("ann.roe", "old pw of ann")]
UMLAUT, NESTED = "Entw&APw-rfe 2019", "Projekte/Alt/Ganz tief"


@pytest.fixture(scope="module")
def foreign(host: SharedHost) -> Iterator[Foreign]:
    server = Foreign(host.runner)
    server.start(THERE)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def empty(foreign: Foreign, own: TenantMail, opened: None) -> None:
    """No mail on either side."""
    foreign.clear()
    for address in moving.ADDRESSES:
        local = address.partition("@")[0]
        assert not own.imap.run(["rm", "-rf", "--", f"/var/vmail/{moving.DOMAIN}/{local}"]).code


class Copy:
    """The command line, with what all of these tests give it."""

    def __init__(self, tenant: RunningTenant, folder: Path) -> None:
        self._tenant, self._folder = tenant, folder
        self.ca, self.password, self.list = folder / "ca.pem", folder / "password", folder / "list.csv"
        self.ca.write_text(moving.world().shared_ca())
        self.password.write_text(MASTER_PASSWORD + "\n")
        self.want(JO.address)

    def want(self, *rows: str, header: str = "address") -> None:
        self.list.write_text("\n".join([header, *rows, ""]))

    def arguments(self, *more: str, master: bool = True, host: str = SHARED_NAME, port: int = 1993) -> list[str]:
        known = ["--master-user", MASTER, "--password-file", str(self.password)] if master else []
        given = ["--from-host", host, "--from-port", str(port), "--mailboxes", str(self.list)]
        return ["mailbox", "copy", moving.LABEL, *given, *known, *more]

    def __call__(self, *more: str, ca: bool = True, **given: Any) -> "subprocess.CompletedProcess[str]":
        trust = ["--ca", str(self.ca)] if ca else []
        done = self._tenant.cli(*self.arguments(*more, *trust, **given), check=False)
        assert MASTER_PASSWORD not in done.stdout + done.stderr and "old pw" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def report(self, *more: str, code: int = 0, **given: Any) -> list[dict[str, Any]]:
        done = self("--json", *more, **given)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)["mailboxes"]  # type: ignore[no-any-return]


@pytest.fixture
def copy(tenant: RunningTenant, tmp_path: Path) -> Copy:
    return Copy(tenant, tmp_path)


def lines(client: Any, folder: str = "INBOX") -> list[bytes]:
    """`UID flags date` of each message."""
    client.select(f'"{folder}"', readonly=True)
    answer = client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE)")[1]
    return [line.partition(b"(")[2].replace(b"\\Recent", b"").replace(b"( ", b"(") for line in answer if line]


def uidvalidity(client: Any, folder: str) -> bytes:
    return client.status(f'"{folder}"', "(UIDVALIDITY UIDNEXT)")[1][0].rpartition(b"(")[2]  # type: ignore[no-any-return]


def fill(client: Any) -> None:
    """A mailbox as it grew: gaps, flags, keywords, old dates, folders."""
    for number in range(6):
        put(client, f"first-{number}", flags=r"(\Seen)" if number % 2 else r"(\Flagged $Label1)", days=300 * number)
    client.select("INBOX")
    client.store("2,4", "+FLAGS", r"\Deleted")
    client.expunge()
    for folder, token in ((UMLAUT, "draft"), (NESTED.replace("/", "."), "deep")):
        assert client.create(f'"{folder}"')[0] == "OK"
        put(client, token, folder, r"(\Draft)", days=900)
    client.create("Leer")
    client.subscribe(f'"{UMLAUT}"')
    client.subscribe("Leer")


def test_all_comes_as_it_is_and_each_further_run_brings_only_what_is_new(
    copy: Copy, foreign: Foreign, tenant: RunningTenant
) -> None:
    with foreign.imap(JO.address) as old:
        fill(old)

    [report] = copy.report()

    assert report["errors"] == report["warnings"] == []
    assert (report["folders"], report["messages"], report["brought"], report["uids_kept"]) == (4, 6, 6, True)
    pairs = [("INBOX", "INBOX"), (UMLAUT, UMLAUT), (NESTED.replace("/", "."), NESTED), ("Leer", "Leer")]
    with foreign.imap(JO.address) as old, tenant.imap(JO) as new:
        for there, here in pairs:
            assert lines(old, there) == lines(new, here) and uidvalidity(old, there) == uidvalidity(new, here), there
        assert len(lines(new)) == 4 and b"$Label1" in lines(new)[0]
        subscribed = b"\n".join(new.lsub()[1])  # type: ignore[arg-type]
        assert UMLAUT.encode() in subscribed and b"Leer" in subscribed and b"Projekte" not in subscribed

        put(old, "between two runs")
        old.select("INBOX")
        old.store("1", "+FLAGS", r"(\Answered)")
    for brought in (1, 0):
        [report] = copy.report()
        assert report["errors"] == report["warnings"] == [] and report["brought"] == brought
        with foreign.imap(JO.address) as old, tenant.imap(JO) as new:
            assert lines(old) == lines(new) and len(lines(new)) == 5 and b"Answered" in lines(new)[0]


def test_filters_come_by_managesieve_where_its_port_is_given(
    copy: Copy, foreign: Foreign, own: TenantMail, tenant: RunningTenant
) -> None:
    with foreign.filters(JO.address) as there:
        there.put("main", b'require "fileinto";\r\nif header :contains "subject" "x" { fileinto "X"; }\r\n')
        there.put("spare", b"keep;\r\n")
        there.activate("main")
    assert copy.report()[0]["filters"] is None
    for _ in range(2):
        assert copy.report("--sieve-port", str(foreign.sieve))[0]["filters"] == 2
        with sieve_session(own.imap, JO.address) as here:
            assert here.read().active == "main" and set(here.read().scripts) == {"main", "spare"}
    [report] = copy.report("--sieve-port", "1", code=1)
    assert "filters: " in report["errors"][0]


def test_a_folder_that_is_used_here_meanwhile_gets_what_came_there_later_once_and_keeps_its_own(
    copy: Copy, foreign: Foreign, tenant: RunningTenant
) -> None:
    """By dsync, measured: as many changes on both sides and the late mail is left out; else it comes in each run."""
    with foreign.imap(JO.address) as old:
        put(old, "first")
        put(old, "second")
    copy.report()
    with foreign.imap(JO.address) as old, tenant.imap(JO) as new:
        put(old, "late there", flags=r"(\Flagged $Label1)", days=3)
        old.create("New")
        put(old, "in new", "New")
        append(new, "arrived here")
    for brought in (2, 0, 0):
        [report] = copy.report()
        assert report["brought"] == brought and report["errors"] == []
        assert report["warnings"][0].startswith("INBOX: is in use here; ")
    with foreign.imap(JO.address) as old, tenant.imap(JO) as new:
        assert subjects(new) == [
            f"Subject: test {token}" for token in ("first", "second", "arrived here", "late there")
        ]
        # A keyword's case means nothing (RFC 3501).
        assert lines(new)[3].partition(b"FLAGS")[2] == lines(old)[2].partition(b"FLAGS")[2].replace(b"$L", b"$l")
        new.select("INBOX")
        new.store("1", "+FLAGS", r"\Deleted")
        new.expunge()
    assert copy.report()[0]["brought"] == 0
    with tenant.imap(JO) as new:
        assert len(subjects(new)) == 3 and subjects(new, "New") == ["Subject: test in new"]


def test_a_dry_run_counts_and_copies_nothing(copy: Copy, foreign: Foreign, tenant: RunningTenant) -> None:
    def both() -> list[Any]:
        with foreign.imap(JO.address) as old, tenant.imap(JO) as new:
            folders = [sorted(line.rpartition(b'" ')[2] for line in client.list()[1]) for client in (old, new)]  # type: ignore[union-attr]
            return [folders, *((lines(side), lines(side, UMLAUT if side is old else "Drafts")) for side in (old, new))]

    with foreign.imap(JO.address) as old:
        fill(old)
    before = both()
    [report] = copy.report("--dry-run")
    assert report["errors"] == [] and report["brought"] == report["messages"] == 6 and report["uids_kept"] is None
    assert both() == before and before[2] == ([], [])


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("password", "login as jo@harbor.test*migrator was refused"),
        ("untrusted", "its certificate is not trusted"),
        ("name", "its certificate is for another name"),
        ("closed", "cannot be reached from mt-harbor-imap: Connection refused"),
        ("unknown", "cannot be reached from mt-harbor-imap: "),
        ("starttls", "no TLS session; is it --security tls on that port?"),
    ],
)
def test_what_is_wrong_with_the_server_is_said_before_anything_is_copied(
    copy: Copy, foreign: Foreign, own: TenantMail, host: SharedHost, what: str, said: str
) -> None:
    with foreign.imap(JO.address) as old:
        put(old, "never copied")
    if what == "password":
        copy.password.write_text("not the password\n")
    address = host.runner.run(["hostname", "-i"]).text.split()[0]
    done = {
        "password": lambda: copy(),
        "untrusted": lambda: copy(ca=False),
        "name": lambda: copy(host=address),
        "closed": lambda: copy(port=1),
        "unknown": lambda: copy(host="nowhere.inboxment.test"),
        "starttls": lambda: copy(port=foreign.starttls),
    }[what]()
    assert done.returncode == 1 and said in " ".join(done.stderr.split()), done.stderr
    assert own.imap.run(["find", f"/var/vmail/{moving.DOMAIN}/jo", "-name", "cur"]).text == ""


def test_one_mailbox_that_cannot_be_copied_does_not_stop_the_others(
    copy: Copy, foreign: Foreign, tenant: RunningTenant
) -> None:
    copy.want(JO.address, f"{ANN.address},ann.roe", BOB.address, "nobody@harbor.test", header="address,login")
    with foreign.imap(JO.address) as jo, foreign.imap("ann.roe") as ann:
        put(jo, "fine")
        put(ann, "big", octets=1_500_000)
    tenant.cli("mailbox", "quota", moving.LABEL, ANN.address, "1")
    by_address = {box["address"]: box for box in copy.report(code=1)}
    assert by_address[JO.address]["errors"] == [] and by_address[JO.address]["brought"] == 1
    [full] = by_address[ANN.address]["errors"]
    assert "its quota here is 1 MiB" in full and full.endswith(f"mailtenant mailbox quota harbor {ANN.address} 2")
    assert "at login as bob@harbor.test*migrator; is there such a mailbox?" in by_address[BOB.address]["errors"][0]
    assert "mailtenant mailbox add harbor nobody@harbor.test" in by_address["nobody@harbor.test"]["errors"][0]
    with tenant.imap(ANN) as new:
        assert subjects(new) == []
    tenant.cli("mailbox", "quota", moving.LABEL, ANN.address, "2")
    copy.want(f"{ANN.address},ann.roe", header="address,login")
    assert copy.report()[0]["brought"] == 1


def test_mail_that_was_here_before_the_first_run_stops_the_mailbox(
    copy: Copy, foreign: Foreign, tenant: RunningTenant
) -> None:
    with foreign.imap(JO.address) as old, tenant.imap(JO) as new:
        put(old, "from there")
        append(new, "early bird")
    # Both folders may be of the same second, which is what Dovecot makes UIDVALIDITY of.
    foreign.doveadm("mailbox", "update", "-u", JO.address, "--uid-validity", "7", "INBOX")
    [report] = copy.report(code=1)
    assert report["errors"][0].startswith("INBOX: holds 1 messages that no copy of it has brought")
    with tenant.imap(JO) as new:
        assert subjects(new) == ["Subject: test early bird"]


def test_people_with_their_own_passwords_over_starttls_from_a_server_that_keeps_folders_below_inbox(
    copy: Copy, foreign: Foreign, tenant: RunningTenant, host: SharedHost
) -> None:
    below = Foreign(host.runner, "below", 2993, 2143, 6190, "INBOX.")
    below.start(THERE)
    try:
        with foreign.imap(JO.address) as jo, foreign.imap("ann.roe") as ann:
            fill(jo)
            put(ann, "hers")
        rows = (f"{JO.address},{JO.address},old pw of jo", f"{ANN.address},ann.roe,old pw of ann")
        copy.want(*rows, header="address,login,password")
        found = copy.report("--security", "starttls", master=False, port=below.starttls)
        assert [(box["errors"], box["warnings"], box["brought"]) for box in found] == [([], [], 6), ([], [], 1)]
        with tenant.imap(JO) as new:
            assert subjects(new, NESTED) == ["Subject: test deep"]
        assert [box["brought"] for box in copy.report("--security", "starttls", master=False, port=2143)] == [0, 0]
    finally:
        below.stop()


def test_the_password_is_in_no_argument_no_file_and_no_log(
    copy: Copy, foreign: Foreign, tenant: RunningTenant, own: TenantMail
) -> None:
    with foreign.imap(JO.address) as old:
        for number in range(150):
            put(old, f"many-{number}", octets=20_000)
    ended, seen = threading.Event(), []

    # Many looks a command: what is looked for lives for a tenth of a second.
    script = "for _ in $(seq 50); do cat /proc/[0-9]*/cmdline 2>/dev/null; ls -A /run/mailtenant-copy; done"

    def look() -> None:
        while not ended.is_set():
            seen.append(own.imap.run(["sh", "-c", script]).text)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        copy.report()
    finally:
        ended.set()
        looking.join()
    during = "".join(seen)
    assert "s_client" in during and "imapc:" in during
    assert MASTER_PASSWORD not in during and 'pw "of"' not in during
    left = own.imap.run(["sh", "-c", "ls -A /run/mailtenant-copy; grep -rlF 'pw \"of\"' /run /tmp /etc/dovecot"])
    # The certificate of the shared host's CA stays after a copy from there; it is no secret.
    assert set(left.text.split()) <= {"ca.pem"}
    assert 'pw "of"' not in tenant.docker("inspect", tenant.container("imap")).stdout + tenant.logs("imap")
