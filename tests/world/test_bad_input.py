"""Bad input on the way to a running tenant: one clear error with the fix, non-zero exit, and nothing lost."""

import socket
from pathlib import Path

import pytest

from mailtenant.fleet.leftovers import engine_client, leftovers
from tests.world.conftest import remove_tenant
from tests.world.tenants import RunningTenant, run


def test_without_an_engine_preview_works_and_up_says_so_and_changes_nothing(alpha: RunningTenant) -> None:
    def running() -> str:
        return alpha.docker("ps", "--no-trunc", "-q", "--filter", "label=mailtenant.tenant=alpha").stdout

    nowhere = {**alpha.environment, "DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    gone = RunningTenant(alpha.label, alpha.project, nowhere)
    gone.pulumi("preview")
    text, before = alpha.stack_file.read_text(), running()
    alpha.stack_file.write_text(text.replace("size: small", "size: medium"))
    try:
        refused = gone.pulumi("up", "--yes", "--skip-preview", check=False)
    finally:
        alpha.stack_file.write_text(text)
    assert refused.returncode != 0
    said = refused.stdout + refused.stderr
    assert "nonexistent" in said
    assert "Traceback" not in said
    # With the engine back and the edit undone, `up` has nothing to do but note the outputs that were meant to change.
    alpha.up()
    alpha.pulumi("preview", "--expect-no-changes")
    assert running() == before


def test_the_wrong_passphrase_changes_nothing(alpha: RunningTenant) -> None:
    wrong = RunningTenant(alpha.label, alpha.project, {**alpha.environment, "PULUMI_CONFIG_PASSPHRASE": "not it"})
    refused = wrong.pulumi("up", "--yes", "--skip-preview", check=False)
    assert refused.returncode != 0
    assert "passphrase" in refused.stderr + refused.stdout
    alpha.pulumi("preview", "--expect-no-changes")


def test_an_invalid_stack_file_stops_up_with_every_problem(alpha: RunningTenant) -> None:
    text = alpha.stack_file.read_text()
    broken = text.replace("message_size_limit_mib: 50", "message_size_limit_mib: 5000").replace(
        "size: small", "size: huge"
    )
    alpha.stack_file.write_text(broken)
    try:
        refused = alpha.pulumi("up", "--yes", "--skip-preview", check=False)
        judged = alpha.cli("validate", check=False)
    finally:
        alpha.stack_file.write_text(text)
    for said, code in (
        (refused.stdout + refused.stderr, refused.returncode),
        (judged.stdout + judged.stderr, judged.returncode),
    ):
        assert code != 0
        assert "mailtenant:tenant.tuning.postfix.message_size_limit_mib" in said
        assert "mailtenant:tenant.size" in said
        assert "Traceback" not in said
    alpha.pulumi("preview", "--expect-no-changes")


def test_a_port_in_use_is_named_with_the_fix(
    tenants: dict[str, RunningTenant], tmp_path: Path, environment: dict[str, str], project: Path
) -> None:
    """A third tenant whose published address has 993 taken by another program."""
    label = "gamma"
    command = ["mailtenant", "new", label, "--project", str(project), "--platform-domain", "outboxment.test"]
    command += [
        "--domain",
        "gamma.test",
        "--provider",
        "local",
        "--edge-network",
        "mailtenant-test",
        "--publish",
        "127.0.2.3",
    ]
    command += ["--edge-address", "10.97.1.12", "--edge-dns", "10.97.0.53", "--internal-subnet", "10.96.0.32/28"]
    gamma = RunningTenant(label, project, environment)
    with socket.create_server(("127.0.2.3", 993)):
        try:
            run(command, environment, project)
            refused = gamma.pulumi("up", "--yes", "--skip-preview", check=False)
            assert refused.returncode != 0
            said = refused.stdout + refused.stderr
            assert "127.0.2.3:993" in said
            assert "in use" in said or "already" in said
        finally:
            gamma.pulumi("cancel", "--yes", check=False)
            remove_tenant(label)
            run(["pulumi", "stack", "rm", label, "--yes", "--force", "--non-interactive"], environment, project)
    assert not leftovers(engine_client(), label)


@pytest.mark.parametrize("service", ["edge", "smtp"])
def test_an_up_that_was_interrupted_is_finished_by_the_next(beta: RunningTenant, service: str) -> None:
    """The engine loses a container in the middle (here: before) of an `up`; `up --refresh` mends it."""
    beta.docker("rm", "-f", beta.container(service))
    beta.pulumi("up", "--refresh", "--yes", "--skip-preview")
    beta.pulumi("preview", "--expect-no-changes")
    for joined in ("smtp", "imap"):
        beta.healthy(joined)
