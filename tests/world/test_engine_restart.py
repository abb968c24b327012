"""The engine goes down hard and comes back: so do both tenants, with mail and queue.

Only where setup's own engine is in use: an engine that others use on this machine is not ours to stop.
"""

import os
import subprocess
import sys
import uuid

import pytest

from scripts.setup import engine
from tests.world.conftest import NETWORK, ROOT, SUBNET
from tests.world.tenants import RunningTenant, eventually, message
from world import World
from world.outside import OutsideMx

SERVICES = ("edge", "resolver", "dns", "database", "cache", "filter", "imap", "smtp", "web")


@pytest.mark.skipif(engine.required().host != engine.own_host(), reason="the engine is not setup's own")
def test_after_a_restart_of_the_engine_all_mail_and_queue_is_there(
    alpha: RunningTenant, beta: RunningTenant, outside: OutsideMx
) -> None:
    jo, kept, queued = alpha.mailbox("jo"), uuid.uuid4().hex, uuid.uuid4().hex
    outside.refuse("waiting@elsewhere.test", "451 4.2.0 later")
    with alpha.submission(jo) as client:
        client.send_message(message(jo.address, jo.address, kept))
        client.send_message(message(jo.address, "waiting@elsewhere.test", queued))
    alpha.wait_for(jo, kept)
    eventually(lambda: "waiting@elsewhere.test" in alpha.execute("smtp", "postqueue", "-j"), what="deferred")

    setup = [sys.executable, str(ROOT / "scripts" / "setup")]
    environment = {key: value for key, value in os.environ.items() if key != "DOCKER_HOST"}
    subprocess.run([*setup, "stop-engine"], check=True, env=environment, timeout=180)
    subprocess.run([*setup, "engine"], check=True, env=environment, timeout=300)

    for tenant in (alpha, beta):
        for service in SERVICES:
            tenant.healthy(service, seconds=180)
    alpha.wait_for(jo, kept)
    # The outside MX began anew as well, at another port, and has forgotten its fault.
    outside = eventually(lambda: World(name=NETWORK, subnet=SUBNET).outside(), what="the outside MX")
    eventually(lambda: outside.no_faults() >= 0, what="the outside MX answers")
    alpha.execute("smtp", "postqueue", "-f")
    outside.wait_for("waiting@elsewhere.test", queued)
    alpha.pulumi("preview", "--expect-no-changes")
