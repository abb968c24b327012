"""A fleet of real tenants: up by a rollout, a new release in waves, a worker killed in the middle, a broken tenant.

The tests build on each other, in this order: each `up` of a real tenant is expensive.
"""

import imaplib
import itertools
import json
import os
import signal
import smtplib
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mailtenant import __version__
from mailtenant.fleet.leftovers import engine_client, leftovers
from tests.world.fleet.conftest import LABELS, NEXT, Fleet
from tests.world.tenants import message, run

pytestmark = pytest.mark.timeout(3600)
WAIT = 900.0


def fleet_json(fleet: Fleet, *words: str, code: int = 0) -> Any:
    done = run([*fleet.command(*words), "--json"], fleet.environment, fleet.project, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def journal(fleet: Fleet) -> dict[str, str]:
    """Label → state in the last rollout, read as any other process may."""
    rollout = fleet_json(fleet, "status")["rollout"]
    return {tenant["label"]: tenant["state"] for tenant in rollout["tenants"]}


def until(probe: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not probe():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


@contextmanager
def served(fleet: Fleet, labels: list[str]) -> Iterator[dict[str, int]]:
    """While the body runs, these tenants answer logins over IMAP and dialogues over SMTP, each time. Gives counts."""
    mailboxes = {label: fleet.tenants[label].mailbox("jo") for label in labels}
    stop, answered, failed = threading.Event(), dict.fromkeys(labels, 0), list[str]()

    def look() -> None:
        while not stop.is_set():
            for label in labels:
                try:
                    with fleet.tenants[label].imap(mailboxes[label]) as client:
                        client.select("INBOX", readonly=True)
                    with fleet.tenants[label].smtp() as client:
                        client.ehlo()
                    answered[label] += 1
                except (OSError, imaplib.IMAP4.error, smtplib.SMTPException) as error:
                    failed.append(f"{label}: {error!r}")
            stop.wait(1)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield answered
    finally:
        stop.set()
        thread.join()
    assert not failed, failed[:5]
    assert all(answered.values()), answered


def updates(fleet: Fleet, label: str) -> list[tuple[str, str]]:
    """(start, end) of each run of the stack, the oldest first."""
    history = json.loads(fleet.tenants[label].pulumi("stack", "history", "--json", "--full-dates").stdout or "[]")
    return sorted((one["startTime"], one["endTime"]) for one in history)


def test_a_fleet_comes_up_and_has_nothing_to_do_afterwards(fleet: Fleet) -> None:
    done = fleet_json(fleet, "rollout", "--yes", "--waves", "1,rest", "--concurrency", "2")
    assert done["state"] == "done"
    assert {tenant["state"] for tenant in done["tenants"]} == {"done"}
    assert all(tenant["changes"]["create"] > 20 for tenant in done["tenants"])
    plan = fleet_json(fleet, "plan")
    assert plan["waves"] == []
    assert plan["left_out"] == dict.fromkeys(LABELS, "its inputs did not change")


def test_only_the_tenant_whose_file_was_edited_is_rolled(fleet: Fleet) -> None:
    path = fleet.tenants[LABELS[-1]].stack_file
    text = path.read_text()
    path.write_text(text.replace("mailboxes: 50", "mailboxes: 49"))
    assert fleet_json(fleet, "plan")["waves"] == [[LABELS[-1]]]
    path.write_text(text)
    assert fleet_json(fleet, "plan")["waves"] == []


def test_a_new_release_in_waves_survives_the_death_of_its_worker(fleet: Fleet) -> None:
    """Killed while the second wave is being changed; tenants of the last wave are served all the time until then."""
    waves = "1,1,rest"
    before = {label: len(updates(fleet, label)) for label in LABELS}
    words = fleet.command("rollout", "--yes", "--release", NEXT, "--waves", waves, "--concurrency", "2")
    process = subprocess.Popen(
        words, env=fleet.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        with served(fleet, LABELS[2:]):
            until(lambda: journal(fleet).get(LABELS[1]) == "running" or process.poll() is not None, "the second wave")
            assert process.poll() is None, process.stderr and process.stderr.read()
            os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert journal(fleet)[LABELS[0]] == "done"
    assert fleet.release_of(LABELS[0]) == NEXT
    assert {fleet.release_of(label) for label in LABELS[2:]} == {__version__}, "a later wave was touched"

    done = fleet_json(fleet, "resume")
    assert done["state"] == "done"
    assert {fleet.release_of(label) for label in LABELS} == {NEXT}
    assert {fleet.tenants[label].settings.release for label in LABELS} == {NEXT}
    for label in LABELS:
        runs = updates(fleet, label)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(runs)), f"{label}: two at once"
        if label != LABELS[1]:
            assert len(runs) == before[label] + 1, f"{label} was run more than once"


def test_a_broken_tenant_goes_back_halts_the_wave_and_the_others_are_served(fleet: Fleet) -> None:
    """The other release is rolled out, whichever that is by now; one tenant's web host hangs (a filter that hangs
    would keep the way back from becoming healthy as well)."""
    before = fleet.release_of(LABELS[0])
    after = __version__ if before == NEXT else NEXT
    broken, others = LABELS[1], [label for label in LABELS if label != LABELS[1]]
    for label in LABELS:
        fleet.tenants[label].mailbox("jo")
    fleet.tenants[broken].docker("pause", fleet.tenants[broken].container("web"))
    try:
        with served(fleet, others):
            words = ("rollout", "--yes", "--release", after, "--canary", broken, "--waves", "1,rest")
            done = fleet_json(fleet, *words, code=1)
    finally:
        fleet.tenants[broken].docker("unpause", fleet.tenants[broken].container("web"))
    assert done["state"] == "halted"
    states = {tenant["label"]: tenant for tenant in done["tenants"]}
    assert states[broken]["state"] == "reverted", states[broken]["error"]
    assert "web (paused)" in states[broken]["error"]
    assert {states[label]["state"] for label in others} == {"held"}
    assert fleet.tenants[broken].settings.release == before
    assert {fleet.release_of(label) for label in LABELS} == {before}

    assert fleet_json(fleet, "resume")["state"] == "done"
    assert {fleet.release_of(label) for label in LABELS} == {after}


def test_a_suspended_tenant_takes_mail_in_and_lets_nobody_log_in_until_it_is_undone(fleet: Fleet) -> None:
    tenant = fleet.tenants[LABELS[0]]
    jo = tenant.mailbox("jo")
    tenant.cli("suspend", tenant.label, "--reason", "a test")
    with pytest.raises(imaplib.IMAP4.error), tenant.imap(jo):
        pass
    with pytest.raises(smtplib.SMTPAuthenticationError), tenant.submission(jo):
        pass
    with tenant.smtp() as client:
        client.ehlo()
        assert client.mail("someone@elsewhere.test")[0] == 250
        assert client.rcpt(jo.address)[0] == 250
    tenant.cli("unsuspend", tenant.label)
    with tenant.imap(jo) as session:
        session.select("INBOX", readonly=True)
    assert tenant.cli("unsuspend", tenant.label, check=False).returncode == 1


def test_an_offboarded_tenant_leaves_an_export_and_nothing_else(fleet: Fleet, tmp_path: Path) -> None:
    tenant, folder = fleet.tenants[LABELS[-1]], tmp_path / "export"
    jo = tenant.mailbox("jo")
    mail = message("jo@" + tenant.domain, jo.address, "kept-for-the-customer")
    with tenant.submission(jo) as client:
        client.send_message(mail)
    tenant.wait_for(jo, "kept-for-the-customer")
    refused = tenant.cli("offboard", tenant.label, str(folder), "--confirm", "no", check=False)
    assert refused.returncode == 1
    assert tenant.docker("volume", "inspect", f"mt-{tenant.label}-mail", check=False).returncode == 0

    tenant.cli("offboard", tenant.label, str(folder), "--confirm", tenant.label)
    with tarfile.open(folder / "mail" / f"{jo.address}.tar") as archive:
        files = [archive.extractfile(one) for one in archive.getmembers() if one.isfile()]
        assert any(b"kept-for-the-customer" in file.read() for file in files if file)
    assert jo.address in (folder / "accounts.csv").read_text()
    report = json.loads((folder / "removal.json").read_text())
    assert report["left"] == []
    assert f"volumes mt-{tenant.label}-mail" in report["removed"]
    assert not leftovers(engine_client(), tenant.label)
    assert not tenant.stack_file.exists()
    words = ["mailtenant", "new", tenant.label, "--project", str(fleet.project), "--domain", "again.test", "--embedded"]
    again = run(words, fleet.environment, fleet.project, check=False)
    assert again.returncode == 1
    assert "offboarded" in again.stderr
