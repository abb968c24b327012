"""For all tests: no assertion on time (the machine is shared and noisy); the long ones only where asked for."""

import os

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

# Whole tenants brought up several times over: minutes each. `make test-long` runs all of them, `make test-migration`
# and `make test-fleet` some. Not all have been seen to pass yet, and in world/test_limits.py the one of a dead cache is
# known to fail. Representative parts come back into `make test` as they pass.
LONG = [
    "world/control",
    "world/fleet",
    "world/migration",
    "world/test_config_check.py",
    "world/test_ipv6.py",
    "world/test_limits.py",
    "world/test_nodes.py",
    "world/test_policy_pack.py",
    "world/test_previews.py",
    "world/workflow",
]
collect_ignore = [] if os.environ.get("MAILTENANT_LONG") else LONG
