"""The examples of docs/api.md and the snippet of docs/customer/moving.md are run against a real server, as they stand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mailtenant.control import api_keys, customers
from mailtenant.control.plane import ControlPlane
from tests.unit.api.server import TREE, serving
from tests.unit.control.planes import ACTOR, SHARED, ready_customer

API, MOVING = TREE / "docs" / "api.md", TREE / "docs" / "customer" / "moving.md"


@pytest.mark.parametrize("page", [API, MOVING], ids=lambda page: page.name)
def test_the_examples_work_as_they_stand(plane: ControlPlane, tmp_path: Path, page: Path) -> None:
    ready_customer(plane)
    with plane.database.write() as session:
        _, key = api_keys.create(plane, session, customers.find(session, "acme"), "docs", actor=ACTOR)
    with serving(f"sqlite:///{tmp_path / 'control.db'}", tmp_path, "--no-work") as address:
        environment = {**os.environ, "API": address, "KEY": key, "NO_PROXY": "127.0.0.1"}
        if page is MOVING:
            (snippet,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
            done = subprocess.run([sys.executable, "-c", snippet], env=environment, capture_output=True, text=True)
            assert (done.returncode, done.stdout.strip()) == (0, SHARED), done.stderr
            return
        lines = [line for line in page.read_text().splitlines() if line.startswith("curl ")]
        assert len(lines) > 5
        for line in lines:
            done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{line}: {done.stderr}"
            assert json.loads(done.stdout) is not None
