"""For all tests: no assertion on time (the machine is shared and noisy); the long ones only where asked for."""

import os

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

# Whole tenants brought up several times over: minutes each. `make test-long` runs all of them, `make test-migration`
# and `make test-fleet` some. Representative parts of them are in `make test`.
LONG = [
    "world/control",
    "world/fleet",
    "world/migration",
    "world/test_config_check.py",
    "world/test_ipv6.py",
    "world/test_nodes.py",
    "world/test_policy_pack.py",
    "world/test_previews.py",
    "world/workflow",
]
collect_ignore = [] if os.environ.get("MAILTENANT_LONG") else LONG
