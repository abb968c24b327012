"""`/api/userinfo/` over real HTTP, read in a tight loop by several processes from two servers, while a customer is cut
over and rolled back again and again: never one host of each side, never none, never an error."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from mailtenant.control import api_keys, customers, migrations
from mailtenant.control.plane import ControlPlane
from mailtenant.migration import State, events
from tests.unit.api.server import TREE, serving
from tests.unit.control.planes import ACTOR, HOST, SHARED, advance, announce, hosts, ready_customer
from tests.unit.migration.examples import EQUAL

ROUNDS, READERS = 5, 3


class LoopCases:
    def test_no_reader_ever_sees_a_mixed_or_empty_pair(self, plane: ControlPlane, url: str, tmp_path: Path) -> None:
        ready_customer(plane)
        with plane.database.write() as session:
            _, key = api_keys.create(plane, session, customers.find(session, "acme"), "reader", actor=ACTOR)
        stop = tmp_path / "stop"
        with ExitStack() as stack:
            servers = [stack.enter_context(serving(url, tmp_path, "--no-work")) for _ in range(2)]
            program = [sys.executable, "-m", "tests.unit.api.server"]
            readers = [
                subprocess.Popen(
                    [*program, servers[n % 2], key, str(stop)], cwd=TREE, stdout=subprocess.PIPE, text=True
                )
                for n in range(READERS)
            ]
            stack.callback(lambda: [reader.kill() for reader in readers])
            try:
                for _ in range(ROUNDS):
                    advance(plane, "acme", State.FROZEN)
                    migrations.apply_event(plane, "acme", events.CutOver(EQUAL), actor="workflow")
                    assert hosts(plane, "acme") == (HOST, HOST)
                    for event in (events.RollBack("x"), events.FlipBack(EQUAL), events.RolledBack(), events.Request()):
                        migrations.apply_event(plane, "acme", event, actor=ACTOR)
                    announce(plane)
            finally:
                stop.touch()
            answers = [json.loads(reader.communicate(timeout=120)[0]) for reader in readers]
        seen = {pair for answer in answers for pair in answer}
        assert seen <= {f"200 {SHARED} {SHARED}", f"200 {HOST} {HOST}"}
        assert len(seen) == 2, "the loop must have met both sides"
        assert min(sum(answer.values()) for answer in answers) > ROUNDS

    def test_a_cut_over_is_seen_by_the_very_next_request(self, plane: ControlPlane, url: str, tmp_path: Path) -> None:
        import httpx

        ready_customer(plane)
        with plane.database.write() as session:
            tenant = customers.find(session, "acme")
            row, key = api_keys.create(plane, session, tenant, "reader", actor=ACTOR)
        advance(plane, "acme", State.FROZEN)
        with serving(url, tmp_path, "--no-work") as server, httpx.Client(timeout=60) as client:
            client.headers["X-Server-API-Key"] = key
            assert client.get(f"{server}/api/userinfo/").json()["ibx_smtp"] == SHARED
            migrations.apply_event(plane, "acme", events.CutOver(EQUAL), actor="workflow")
            shown = client.get(f"{server}/api/userinfo/").json()
            assert (shown["ibx_smtp"], shown["ibx_imap"]) == (HOST, HOST)
            with plane.database.write() as session:
                api_keys.revoke(plane, session, customers.find(session, "acme"), row.id, actor=ACTOR)
            assert client.get(f"{server}/api/userinfo/").status_code == 401
