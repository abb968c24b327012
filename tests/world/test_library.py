"""The example of a program that uses the components as a library: up for real, mail in it, and gone again."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.world.conftest import PASSPHRASE, new_tenant, remove_tenant
from tests.world.tenants import RunningTenant, message, run

ROOT = Path(__file__).resolve().parents[2]
LABEL = "gamma"
PLACE = (["gamma.test"], "10.97.1.12", "10.96.0.32/28", "127.0.2.3")
STACK = "one"


@pytest.fixture
def example(tenants: dict[str, RunningTenant], environment: dict[str, str], tmp_path: Path) -> Iterator[RunningTenant]:
    """`examples/one_tenant` with settings and secrets of its own; the tenant's stack file is only read."""
    project, backend = tmp_path / "one_tenant", tmp_path / "backend"
    backend.mkdir()
    shutil.copytree(ROOT / "examples" / "one_tenant", project)
    # The example names the virtual environment of the tree it lies in.
    manifest, replaced = re.subn(
        r"virtualenv: \.\./\.\./\.venv", f"virtualenv: {ROOT / '.venv'}", (project / "Pulumi.yaml").read_text()
    )
    assert replaced == 1
    (project / "Pulumi.yaml").write_text(manifest)
    own = {**environment, "PULUMI_BACKEND_URL": f"file://{backend}", "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
    remove_tenant(LABEL)
    source = tmp_path / "source"
    (source / "stacks").mkdir(parents=True)
    shutil.copy(ROOT / "Pulumi.yaml", source)
    shutil.copy(ROOT / "stacks" / "__main__.py", source / "stacks")
    tenant = new_tenant(source, own, LABEL, place=PLACE)
    try:
        config = yaml.safe_load(tenant.stack_file.read_text())
        values = {
            "encryptionsalt": config["encryptionsalt"],
            "config": {
                "one-tenant:tenant": config["config"]["mailtenant:tenant"],
                "one-tenant:secrets": config["config"]["mailtenant:secrets"],
            },
        }
        (project / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(values, allow_unicode=True))
        run(["pulumi", "stack", "init", STACK, "--non-interactive"], own, project)
        yield RunningTenant(LABEL, source, {**own, "MAILTENANT_EXAMPLE": str(project)})
    finally:
        remove_tenant(LABEL)


def test_a_program_of_somebody_else_brings_a_tenant_up(example: RunningTenant) -> None:
    project = Path(example.environment["MAILTENANT_EXAMPLE"])

    def pulumi(*words: str) -> str:
        return run(
            ["pulumi", *words, "--stack", STACK, "--non-interactive", "--color", "never"], example.environment, project
        ).stdout

    pulumi("up", "--yes", "--skip-preview")
    outputs = json.loads(pulumi("stack", "output", "--json"))
    assert outputs["mailHost"] == f"{LABEL}.outboxment.test"
    assert {465, 993} <= set(outputs["mailPorts"])
    jo = example.mailbox("jo")
    with example.submission(jo) as client:
        client.send_message(message(jo.address, jo.address, "through-the-library"))
    example.wait_for(jo, "through-the-library")
    pulumi("preview", "--expect-no-changes")
