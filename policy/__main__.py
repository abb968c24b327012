"""The pack as the engine loads it. The rules themselves need no engine: tests call them directly."""

import sys
from pathlib import Path

# The engine runs this folder as a program: it stands first on the path, and `secrets` and `dns` are names of others.
_HERE = Path(__file__).resolve().parent
sys.path[:] = [str(_HERE.parent), *(entry for entry in sys.path if Path(entry).resolve() != _HERE)]

from pulumi_policy import EnforcementLevel, PolicyPack  # noqa: E402

from policy import containers, dns, secrets, volumes  # noqa: E402

PolicyPack(
    name="mailtenant",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[*volumes.POLICIES, *containers.POLICIES, *secrets.POLICIES, *dns.POLICIES],
)
