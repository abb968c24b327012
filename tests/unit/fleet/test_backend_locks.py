"""Locks on a stack: who holds it, and what the user is told."""

import os

from pulumi.automation import errors

from mailtenant.fleet.backend_locks import explain, is_locked, pulumi_runs, read_locks

SAID = (
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
    "lock file with `pulumi cancel`.\n  file:///srv/state/.pulumi/locks/organization/mailtenant/acme/0f.json: created "
    "by root@build7 (pid 4242) at 2026-11-25T15:00:00Z\n"
)


def test_a_lock_is_recognised_and_its_owner_read() -> None:
    assert is_locked(SAID)
    for words in (errors.conflict_text, errors.diy_backend_conflict_text):
        assert is_locked(f"error: {words}")
    assert not is_locked("error: no stack named 'acme' found")
    (lock,) = read_locks(SAID, "build7", lambda pid: pid == 4242)
    assert (lock.user, lock.host, lock.pid, lock.at, lock.alive) == (
        "root", "build7", 4242, "2026-11-25T15:00:00Z", True,
    )  # fmt: skip


def test_a_living_run_is_waited_for_and_never_cancelled() -> None:
    told = explain("acme", read_locks(SAID, "build7", lambda _: True))
    assert "another `up` goes on" in told
    assert "pulumi cancel" not in told


def test_a_stale_lock_comes_with_the_exact_command() -> None:
    told = explain("acme", read_locks(SAID, "build7", lambda _: False))
    assert "stale" in told
    assert "`pulumi cancel --stack acme --yes`" in told
    assert "process 4242" in told


def test_a_lock_of_another_machine_is_not_judged_from_here() -> None:
    (lock,) = read_locks(SAID, "elsewhere", lambda _: True)
    assert lock.alive is None
    assert "look there" in explain("acme", (lock,))


def test_a_process_that_is_no_pulumi_is_no_owner() -> None:
    assert not pulumi_runs(os.getpid())
