"""The policy pack under the real CLI: our stack passes; a program that breaks rules is stopped, each rule by name."""

import shutil
from pathlib import Path

import pytest

from mailtenant.environment import tool_environment
from tests.pull_requests.record import ROOT, copy_tree
from tests.pull_requests.scenarios import edits, replaced
from tests.world.tenants import run

BREAKS = edits(
    replaced("components/smtp.py", r"keep=first,$", "keep=False,"),
    replaced("components/service.py", r"memory_swap=size.memory_mib", "memory_swap=-1"),
    replaced("components/service.py", r'security_opts=\["no-new-privileges"\]', "security_opts=None"),
    replaced("components/edge.py", r"\(\*EDGE_PORTS,", "(*EDGE_PORTS, 5432,"),
    replaced("components/service.py", r'envs=\[f"MAILTENANT_EDGE', 'envs=["PGPASSWORD=hunter22", f"MAILTENANT_EDGE'),
    # What the stack exports, as if the planner had a defect.
    replaced(
        "components/tenant.py",
        r"ttl, \"reason\": r.reason\} for r in planned$",
        'ttl, "reason": r.reason} for r in planned if "_dmarc" not in r.name and r.type not in ("A", "PTR")',
    ),
)
RULES = (
    "protected-volumes",
    "resource-limits",
    "no-privileged-containers",
    "only-mail-ports",
    "no-plaintext-secrets",
    "dmarc-present",
    "mx-targets-resolve",
    "ptr-is-ehlo",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """This tree with the demo's stack file; nothing of it is brought up."""
    folder = copy_tree(tmp_path / "tree")
    shutil.copytree(ROOT / "policy", folder / "policy")
    shutil.copy(ROOT / "stacks" / "Pulumi.acme.yaml", folder / "stacks")
    return folder


def preview(tree: Path) -> tuple[int, str]:
    backend = tree.parent / "backend"
    backend.mkdir(exist_ok=True)
    environment = {
        **tool_environment(),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(ROOT / "stacks" / "demo-passphrase.txt"),
        "PYTHONPATH": str(tree),
    }
    common = ["--non-interactive", "--color", "never"]
    run(["pulumi", "stack", "init", "acme", "--no-select", *common], environment, tree)
    command = ["pulumi", "preview", "--stack", "acme", "--policy-pack", "policy", "--suppress-outputs", *common]
    done = run(command, environment, tree, check=False)
    return done.returncode, done.stdout + done.stderr


def test_our_own_stack_keeps_every_rule(tree: Path) -> None:
    code, said = preview(tree)
    assert code == 0, said
    assert "mailtenant@v0.0.1 (local" in said, said


def test_each_broken_rule_is_named_and_stops_the_preview(tree: Path) -> None:
    BREAKS(tree)
    code, said = preview(tree)
    assert code != 0, said
    for rule in RULES:
        assert rule in said, f"{rule} is not among them:\n{said[-6000:]}"
    assert "hunter22" not in said.partition("Policies:")[2]
