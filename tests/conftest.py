"""For all tests: no assertion on time (the machine is shared and noisy); the long ones only where asked for."""

import os

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

# Whole tenants brought up several times over: minutes each. `make test-long` runs all of them, `make test-migration`
# and `make test-fleet` some. What `make test` has of their subjects: a whole move with its worker killed twice, limits
# and pauses, the policy pack, the checkers, and all that runs without an engine.
LONG = [
    "world/control",
    "world/fleet",
    "world/migration/test_copy.py",
    "world/migration/test_imap_source.py",
    "world/migration/test_real_matrix.py",
    "world/migration/test_same_features.py",
    "world/migration/test_shared_host.py",
    "world/migration/test_tenant_side.py",
    "world/test_ipv6.py",
    "world/test_nodes.py",
    "world/test_previews.py",
    "world/test_scaling.py",
    "world/workflow",
]
collect_ignore = [] if os.environ.get("MAILTENANT_LONG") else LONG
