"""`doveadm sync -1` between the shared host and the tenant, both ways, on real servers."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mailtenant.mailbox_copy import MailboxCopier, SourceShrank, estimate, one_pass
from mailtenant.mailbox_copy.flush import MARKS
from mailtenant.mailbox_copy.session import sieve_session
from mailtenant.mailbox_copy.sync import CONFIG, Transport, dsync
from mailtenant.migration.evidence import fingerprint
from mailtenant.migration.sides import Direction, PassProgress
from mailtenant.runner import Runner
from mailtenant.shared_host import SharedHost
from mailtenant.tenant_side import TenantMail
from tests.world.migration import moving
from tests.world.migration.people import Shared, append, subjects
from tests.world.tenants import Mailbox, RunningTenant, eventually, message
from world.outside import OutsideMx

JO, ANN, BOB = (moving.login(box) for box in (moving.JO, moving.ANN, moving.BOB))
TO_TENANT, TO_SHARED = Direction.TO_TENANT, Direction.TO_SHARED


@pytest.fixture(autouse=True)
def empty(host: SharedHost, own: TenantMail) -> Iterator[None]:
    """No mail on either side."""
    for runner in (host.runner, own.imap):
        for address in moving.ADDRESSES:
            local = address.partition("@")[0]
            assert not runner.run(["rm", "-rf", "--", f"/var/vmail/{moving.DOMAIN}/{local}"]).code
    yield


def uids(client: object, folder: str = "INBOX") -> list[bytes]:
    """`UID flags` of each message, in order."""
    client.select(f'"{folder}"', readonly=True)  # type: ignore[attr-defined]
    answer = client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE)")[1]  # type: ignore[attr-defined]
    return [line.partition(b"(")[2].replace(b"\\Recent", b"").replace(b"( ", b"(") for line in answer if line]


def test_the_first_pass_brings_everything_as_it_is(
    copier: MailboxCopier, shared: Shared, tenant: RunningTenant, host: SharedHost, own: TenantMail
) -> None:
    with shared.imap(JO) as client:
        for number in range(6):
            append(client, f"first-{number}", flags=r"(\Seen)" if number % 2 else r"($Label1 \Flagged)")
        client.select("INBOX")
        client.store("2,4", "+FLAGS", r"\Deleted")
        client.expunge()
        client.create("Projects.v1")
        append(client, "filed", "Projects.v1")
        client.subscribe("Projects.v1")
    with sieve_session(host.runner, JO.address) as filters:
        filters.put("main", b'require "fileinto";\r\nif header :contains "subject" "x" { fileinto "X"; }\r\n')
        filters.put("spare", b"keep;\r\n")
        filters.activate("main")
    seen: list[PassProgress] = []

    report = copier.run(TO_TENANT, moving.ADDRESSES, seen.append)

    assert report.errors() == () and report.differences() == ()
    assert [progress.mailboxes for progress in seen] == [1, 2, 3] and seen[-1].messages == report.messages == 5
    with shared.imap(JO) as old, tenant.imap(JO) as new:
        assert uids(old) == uids(new) and len(uids(new)) == 4
        assert subjects(new, "Projects/v1") == ["Subject: test filed"]
        assert any(b"Projects/v1" in line for line in new.lsub()[1])  # type: ignore[operator]
    with sieve_session(own.imap, JO.address) as filters:
        assert filters.read().active == "main" and set(filters.read().scripts) == {"main", "spare"}


def test_a_later_pass_brings_new_mail_flags_expunges_and_folders(
    copier: MailboxCopier, shared: Shared, tenant: RunningTenant
) -> None:
    with shared.imap(JO) as client:
        for number in range(5):
            append(client, f"old-{number}")
        assert copier.run(TO_TENANT, [JO.address]).differences() == ()
        client.select("INBOX")
        client.store("2", "+FLAGS", r"\Deleted")
        client.expunge()
        client.store("1", "+FLAGS", r"(\Answered)")
        append(client, "later")
        client.create("New")
        append(client, "in new", "New")

    report = copier.run(TO_TENANT, [JO.address])

    assert report.errors() == () and report.differences() == ()
    # What was counted by what changed is what a look from nothing finds.
    assert MailboxCopier(copier.shared, copier.tenant).compare(TO_TENANT, [JO.address]) == report
    with shared.imap(JO) as old, tenant.imap(JO) as new:
        assert uids(old) == uids(new) and b"Answered" in uids(new)[0]


def test_what_both_sides_got_since_the_last_pass_survives_and_a_rollback_brings_it_home(
    copier: MailboxCopier, shared: Shared, tenant: RunningTenant
) -> None:
    with shared.imap(JO) as old, tenant.imap(JO) as new:
        append(old, "common")
        assert copier.run(TO_TENANT, [JO.address]).differences() == ()
        append(old, "late on the old side")
        append(new, "arrived on the new side")
        new.select("INBOX")
        new.store("1", "+FLAGS", r"(\Flagged)")

        assert copier.run(TO_TENANT, [JO.address]).errors() == ()
        assert sorted(subjects(new)) == [
            "Subject: test arrived on the new side", "Subject: test common", "Subject: test late on the old side",
        ]  # fmt: skip
        back = copier.run(TO_SHARED, [JO.address])

        assert back.errors() == () and back.differences() == ()
        assert sorted(subjects(old)) == sorted(subjects(new)) and len(subjects(old)) == 3


def test_late_mail_comes_onto_a_side_in_use_and_leaves_what_its_people_did(
    copier: MailboxCopier, shared: Shared, tenant: RunningTenant, host: SharedHost, own: TenantMail
) -> None:
    def put_filter(side: Runner, name: str) -> None:
        with sieve_session(side, JO.address) as filters:
            filters.put(name, b"keep;\r\n")
            filters.activate(name)

    put_filter(host.runner, "old")
    with shared.imap(JO) as old, tenant.imap(JO) as new:
        for number in range(4):
            append(old, f"common-{number}")
        report = copier.run(TO_TENANT, [JO.address])
        assert report.differences() == ()
        seen = fingerprint(report.mailboxes[0].source)
        fresh = MailboxCopier(copier.shared, copier.tenant)
        assert fingerprint(fresh.holds(TO_TENANT, [JO.address])[JO.address]) == seen
        new.select("INBOX")
        new.store("1", "+FLAGS", r"(\Flagged)")
        new.store("2", "+FLAGS", r"(\Deleted)")
        new.expunge()
        append(new, "arrived on the new side")
        put_filter(own.imap, "mine")
        append(old, "late")
        held = fingerprint(copier.holds(TO_TENANT, [JO.address])[JO.address])
        assert held != seen and held[1] == 5

        assert copier.late(TO_TENANT, [JO.address]).errors() == ()

        wanted = ["arrived on the new side", "common-0", "common-2", "common-3", "late"]
        assert sorted(subjects(new)) == [f"Subject: test {token}" for token in wanted]
        assert b"Flagged" in uids(new)[0]
    with sieve_session(own.imap, JO.address) as filters:
        assert filters.read().active == "mine"


def test_one_late_message_comes_also_where_the_other_side_has_got_one_too(
    copier: MailboxCopier, shared: Shared, tenant: RunningTenant
) -> None:
    """Measured: UIDNEXT, HIGHESTMODSEQ and count are equal then, and `sync -1` takes the folder for unchanged."""
    with shared.imap(JO) as old, tenant.imap(JO) as new:
        append(old, "common")
        assert copier.run(TO_TENANT, [JO.address]).differences() == ()
        append(old, "late")
        append(new, "arrived on the new side")
        for _ in range(2):
            assert copier.late(TO_TENANT, [JO.address]).errors() == ()
            wanted = ["arrived on the new side", "common", "late"]
            assert sorted(subjects(new)) == [f"Subject: test {token}" for token in wanted]


def test_mail_that_the_target_had_before_the_first_pass_is_seen_as_a_difference_and_nothing_is_lost(
    copier: MailboxCopier, shared: Shared, tenant: RunningTenant
) -> None:
    """Measured: where UIDs clash, dsync ends with 0 and leaves the source's message out, also when run again."""
    with shared.imap(ANN) as old, tenant.imap(ANN) as new:
        append(new, "early bird")
        append(old, "from the old side")
        report = copier.run(TO_TENANT, [ANN.address])
        assert report.errors() == () and len(report.differences()) == 1
        assert "Subject: test early bird" in subjects(new)
        assert subjects(old) == ["Subject: test from the old side"]


def test_a_difference_is_reported_by_folder_and_never_by_content(
    copier: MailboxCopier, shared: Shared, tenant: RunningTenant
) -> None:
    with shared.imap(JO) as old, tenant.imap(JO) as new:
        append(old, "common")
        copier.run(TO_TENANT, [JO.address])
        append(new, "only here")
        [line] = copier.compare(TO_TENANT, [JO.address]).differences()
    assert line == f"{JO.address} INBOX: messages 1 → 2"


def test_a_source_that_shrinks_stops_everything(
    copier: MailboxCopier, shared: Shared, monkeypatch: pytest.MonkeyPatch, host: SharedHost
) -> None:
    with shared.imap(JO) as client:
        for number in range(3):
            append(client, f"shrinking-{number}")
    host.freeze()
    asked: list[str] = []

    def loses(
        imap: Runner, transport: Transport, direction: Direction, address: str, seconds: float, **more: object
    ) -> None:
        transport.config()  # the source is counted before it is known
        asked.append(address)
        assert not host.runner.run(["doveadm", "expunge", "-u", address, "mailbox", "INBOX", "1"]).code

    monkeypatch.setattr(one_pass, "sync", loses)
    alone = dataclasses.replace(copier, parallel=1)
    with pytest.raises(SourceShrank, match="1 of 3 messages went missing"):
        alone.run(TO_TENANT, moving.ADDRESSES)
    assert asked == [JO.address]


def test_the_way_in_is_open_for_the_customer_only_and_only_while_a_pass_runs(
    host: SharedHost, own: TenantMail, opened: None
) -> None:
    neighbour = f"max@{moving.NEIGHBOUR}"
    with host.copy_access(moving.ADDRESSES) as access:
        transport = dsync(host, lambda: access.password)

        def tried(*words: str) -> str:
            done = transport.run(own.imap, ["doveadm", "-c", CONFIG, *words], 60)
            return "" if done.code == 0 else done.errors

        sync = ("sync", "-1", "-R")
        assert not tried(*sync, "-u", JO.address, transport.location)
        assert "doesn't exist" in tried(*sync, "-u", neighbour, transport.location)
        # Any other command than the server's side of a copy is refused.
        remote = transport.location.removeprefix("tcps:")
        assert tried("-o", "doveadm_ssl=yes", "mailbox", "list", "-u", JO.address, "-S", remote)
    # Dovecot looks at its file once a second.
    eventually(lambda: "doesn't exist" in tried(*sync, "-u", JO.address, transport.location), what="it is closed")


def test_the_way_in_is_closed_when_the_worker_that_opened_it_is_killed(host: SharedHost) -> None:
    script = (
        "import sys\nfrom mailtenant.runner import DockerRunner\nfrom mailtenant.shared_host import SharedHost\n"
        f"host = SharedHost(DockerRunner({host.runner.name!r}), {host.domains!r}, {host.name!r}, '')\n"
        f"with host.copy_access({moving.ADDRESSES!r}):\n    print('open', flush=True)\n    sys.stdin.read()\n"
    )
    environment = dict(host.runner.environment or {})  # type: ignore[attr-defined]
    words = [sys.executable, "-c", script]
    known = ["cat", f"{host.paths.move}/users"]
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None and worker.stdout.readline() == b"open\n"
        assert JO.address in host.runner.run(known).text
        worker.kill()
    eventually(lambda: not host.runner.run(known).text, what="nobody is known to the copy instance any more")


def test_what_a_first_copy_left_when_the_machine_stopped_is_copied_anew(
    copier: MailboxCopier, shared: Shared, tenant: RunningTenant, own: TenantMail
) -> None:
    texts = {f"whole-{number}" for number in range(4)}
    with shared.imap(JO) as client:
        for text in sorted(texts):
            append(client, text)
    assert copier.run(TO_TENANT, moving.ADDRESSES).differences() == ()
    marks = own.imap.run(["ls", "-A", MARKS])
    assert not marks.code and marks.text == "", "all of it is on the disk"
    # As the disk may be after a crash: the messages' names are there, not what they hold. No count tells that.
    spoil = "find /var/vmail/$1/jo/Maildir -path '*/cur/*' -type f -exec truncate -s 0 {} +; echo earlier >$2/jo@$1:1"
    assert not own.imap.run(["sh", "-c", spoil, "sh", moving.DOMAIN, MARKS]).code
    fresh = dataclasses.replace(copier, _states={})

    assert fresh.run(TO_TENANT, moving.ADDRESSES).differences() == ()

    with shared.imap(JO) as old, tenant.imap(JO) as new:
        assert uids(old) == uids(new)
        bodies = [new.fetch(str(number), "(BODY.PEEK[])")[1][0][1] for number in range(1, 5)]  # type: ignore[index]
        assert {text for text in texts if any(text.encode() in body for body in bodies)} == texts
    assert own.imap.run(["ls", "-A", MARKS]).text == ""


def test_a_mailbox_that_fails_is_reported_and_the_others_go_on(copier: MailboxCopier, shared: Shared) -> None:
    with shared.imap(ANN) as client:
        append(client, "fine")
    report = copier.run(TO_TENANT, ["nobody@harbor.test", ANN.address])
    assert len(report.errors()) == 1 and report.errors()[0].startswith("nobody@harbor.test: ")
    assert report.mailboxes[1] == copier.compare(TO_TENANT, [ANN.address]).mailboxes[0]


def test_a_dry_run_says_what_is_missing_and_changes_nothing(
    copier: MailboxCopier, shared: Shared, tenant: RunningTenant
) -> None:
    with shared.imap(BOB) as client:
        append(client, "one")
        append(client, "two")
    planned = estimate(copier, [BOB.address], octets_per_second=1000)
    assert planned.missing_messages == 2 and planned.missing_octets > 400 and planned.seconds > 0.4
    with tenant.imap(Mailbox(BOB.address, BOB.password)) as new:
        assert subjects(new) == []


def test_whom_a_vacation_script_has_answered_does_not_travel(
    copier: MailboxCopier, host: SharedHost, shared: Shared, tenant: RunningTenant, outside: OutsideMx
) -> None:
    sender = "curious@elsewhere.test"

    def asks(token: str) -> None:
        [sent] = outside.send(message(sender, JO.address, token), sender=sender, recipients=[JO.address])
        assert sent.accepted, sent.text

    with sieve_session(host.runner, JO.address) as filters:
        filters.put("away", b'require "vacation";\r\nvacation :days 7 :subject "I am away" "Back soon.";\r\n')
        filters.activate("away")
    outside.clear()
    asks("question-1")
    outside.wait_for(sender, subject="I am away")
    asks("question-2")
    shared.wait_for(JO, "question-2")
    assert len(outside.messages(recipient=sender)) == 1

    host.freeze()
    assert copier.run(TO_TENANT, [JO.address]).differences() == ()
    host.relay(tenant.settings.host)

    def taken() -> bool:
        [sent] = outside.send(message(sender, JO.address, "question-3"), sender=sender, recipients=[JO.address])
        return sent.accepted

    assert eventually(taken, seconds=120, what="the old host to relay")
    eventually(lambda: len(outside.messages(recipient=sender)) == 2, seconds=120, what="an answer from the new host")
