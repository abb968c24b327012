"""Up, no-op, drift, kill, engine restart, take down and up again: mail and queue survive all of it (behaviour 33)."""

import json
import re
import uuid

import pytest

from tests.world.tenants import RunningTenant, eventually, message, run
from world.outside import OutsideMx

JOINED = ("smtp", "imap", "resolver", "dns")
SERVICES = ("edge", *JOINED, "filter", "cache", "database")


def deliver(tenant: RunningTenant, token: str) -> None:
    """jo to ann, read over 993."""
    jo, ann = tenant.mailbox("jo"), tenant.mailbox("ann")

    def send() -> bool:
        with tenant.submission(jo) as client:
            client.send_message(message(jo.address, ann.address, token))
        return True

    eventually(send, seconds=90, what="submission")
    tenant.wait_for(ann, token)


def test_up_again_preview_and_refresh_change_nothing(beta: RunningTenant) -> None:
    beta.mailbox("jo")
    beta.pulumi("preview", "--expect-no-changes")
    beta.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    beta.pulumi("preview", "--expect-no-changes")
    summary = json.loads(beta.pulumi("up", "--yes", "--skip-preview", "--json").stdout.strip().splitlines()[-1] or "{}")
    assert set(summary.get("changeSummary", {"same": 1})) <= {"same"}


def test_a_container_removed_by_hand_is_seen_as_drift_and_repaired(beta: RunningTenant) -> None:
    beta.docker("rm", "-f", beta.container("smtp"))
    drift = beta.pulumi("refresh", "--preview-only", "--expect-no-changes", check=False)
    assert drift.returncode != 0
    beta.pulumi("refresh", "--yes", "--skip-preview")
    beta.up()
    beta.pulumi("preview", "--expect-no-changes")
    deliver(beta, uuid.uuid4().hex)


@pytest.mark.parametrize("service", [service for service in SERVICES if service != "edge"])
def test_a_killed_daemon_comes_back(beta: RunningTenant, service: str) -> None:
    """The process tree dies as by the kernel; the restart policy brings it back without anybody's help."""
    before = beta.docker("inspect", "-f", "{{.State.StartedAt}}", beta.container(service)).stdout
    pid = beta.docker("inspect", "-f", "{{.State.Pid}}", beta.container(service)).stdout.strip()
    kill(pid)
    eventually(
        lambda: beta.docker("inspect", "-f", "{{.State.StartedAt}}", beta.container(service)).stdout != before,
        what="a restart",
    )
    beta.healthy(service)
    deliver(beta, uuid.uuid4().hex)


def kill(pid: str) -> None:
    import os
    import signal

    os.kill(int(pid), signal.SIGKILL)


def test_when_the_edge_dies_those_that_joined_it_follow_into_its_new_namespace(beta: RunningTenant) -> None:
    def started() -> dict[str, str]:
        form = "{{.State.StartedAt}}"
        return {s: beta.docker("inspect", "-f", form, beta.container(s)).stdout for s in JOINED}

    before = started()
    kill(beta.docker("inspect", "-f", "{{.State.Pid}}", beta.container("edge")).stdout.strip())
    eventually(lambda: all(started()[s] != before[s] for s in JOINED), seconds=120, what="all of them restarted")
    for service in JOINED:
        beta.healthy(service)
    deliver(beta, uuid.uuid4().hex)


def test_mail_and_queue_survive_take_down_and_up(beta: RunningTenant, outside: OutsideMx) -> None:
    jo, ann = beta.mailbox("jo"), beta.mailbox("ann")
    kept, queued = uuid.uuid4().hex, uuid.uuid4().hex
    deliver(beta, kept)
    fault = outside.refuse("waiting@elsewhere.test", "451 4.2.0 later")
    with beta.submission(jo) as client:
        client.send_message(message(jo.address, "waiting@elsewhere.test", queued))
    eventually(lambda: "waiting@elsewhere.test" in beta.execute("smtp", "postqueue", "-j"), what="deferred")
    with beta.imap(ann) as client:
        client.select("INBOX")
        validity = client.status("INBOX", "(UIDVALIDITY UIDNEXT)")[1]
    beta.cli("down", beta.label)
    assert not beta.docker("ps", "-aq", "--filter", f"label=mailtenant.tenant={beta.label}").stdout
    volumes = beta.docker("volume", "ls", "-q", "--filter", f"label=mailtenant.tenant={beta.label}").stdout.split()
    assert {f"mt-{beta.label}-{role}" for role in ("mail", "queue", "database")} <= set(volumes)
    outside.no_faults(fault)
    beta.up()
    beta.wait_for(ann, kept)
    with beta.imap(ann) as client:
        client.select("INBOX")
        assert client.status("INBOX", "(UIDVALIDITY UIDNEXT)")[1] == validity
    beta.execute("smtp", "postqueue", "-f")
    outside.wait_for("waiting@elsewhere.test", queued)


def test_a_config_edit_replaces_just_who_reads_it_and_keeps_the_queue(beta: RunningTenant) -> None:
    """What a pull request does: edit the stack file, preview shows the line, up makes it so."""
    with beta.put_back():
        beta.edit("message_size_limit_mib: 50", "message_size_limit_mib: 60")
        preview = beta.pulumi("preview", "--diff").stdout
        assert f"message_size_limit = {60 * 1024 * 1024}" in preview
        others = [beta.container(service) for service in ("database", "filter", "cache", "resolver", "dns", "edge")]
        before = beta.docker("inspect", "-f", "{{.Id}}", *others).stdout
        beta.up()
        assert beta.docker("inspect", "-f", "{{.Id}}", *others).stdout == before
        assert beta.execute("smtp", "postconf", "-h", "message_size_limit").strip() == str(60 * 1024 * 1024)
    deliver(beta, uuid.uuid4().hex)


def test_memory_changes_in_place(beta: RunningTenant) -> None:
    container = beta.container("smtp")
    before = beta.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", container).stdout
    memory = int(beta.docker("inspect", "-f", "{{.HostConfig.Memory}}", container).stdout)
    with beta.put_back():
        beta.edit("size: small", "size: {base: small, smtp: {memory_mib: 300}}")
        beta.up()
        assert beta.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", container).stdout == before
        assert int(beta.docker("inspect", "-f", "{{.HostConfig.Memory}}", container).stdout) == 300 * 1024**2 != memory


def test_a_new_domain_works_without_a_restart_of_the_database(beta: RunningTenant) -> None:
    """Nothing of this touches a mailbox: the list of domains is applied within seconds."""
    before = beta.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", beta.container("database")).stdout
    with beta.put_back():
        beta.cli("domain", "add", beta.label, "beta-two.test")
        beta.up()
        assert beta.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", beta.container("database")).stdout == before

        def accepted() -> bool:
            with beta.smtp() as client:
                client.ehlo()
                client.mail("someone@elsewhere.test")
                return client.rcpt("postmaster@beta-two.test")[0] == 250

        eventually(accepted, what="mail for the new domain")


def test_purge_wants_the_label_and_leaves_nothing(beta: RunningTenant) -> None:
    """Last of this file: beta is brought up again for whoever comes after."""
    refused = beta.cli("purge", beta.label, "--confirm", "alpha", check=False)
    assert refused.returncode == 1
    assert beta.docker("ps", "-q", "--filter", f"label=mailtenant.tenant={beta.label}").stdout
    beta.cli("purge", beta.label, "--confirm", beta.label)
    for kind in (["ps", "-aq"], ["volume", "ls", "-q"], ["network", "ls", "-q"]):
        assert not beta.docker(*kind, "--filter", f"label=mailtenant.tenant={beta.label}").stdout, kind
    run(["pulumi", "stack", "select", beta.label, "--create", "--non-interactive"], beta.environment, beta.project)
    beta.up()
    beta.mailboxes.clear()
    deliver(beta, uuid.uuid4().hex)


def test_a_capacity_below_use_is_refused_at_up_and_by_validate_with_the_number(beta: RunningTenant) -> None:
    for name in ("one", "two", "three"):
        beta.mailbox(name)
    text = beta.stack_file.read_text()
    beta.stack_file.write_text(re.sub(r"mailboxes: \d+", "mailboxes: 2", text, count=1))
    try:
        refused = beta.pulumi("up", "--yes", "--skip-preview", check=False)
        judged = beta.cli("validate", str(beta.stack_file), "--live", check=False)
    finally:
        beta.stack_file.write_text(text)
    for done in (refused, judged):
        assert done.returncode != 0
        assert re.search(r"2 is below the \d+ in use", done.stdout + done.stderr), done.stdout + done.stderr
    beta.up()
    beta.pulumi("preview", "--expect-no-changes")
    assert json.loads(beta.cli("mailbox", "list", beta.label, "--json").stdout)["usage"]["mailboxes"] >= 3
