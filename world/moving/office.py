"""The control plane of a played move: its customer, a clock that can be set on, worker processes, and the desk at which
messages to the customer arrive and records are entered by hand.
"""

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailtenant.control import api_keys, customers, migrations
from mailtenant.control.configuration import ControlSettings
from mailtenant.control.plane import ControlPlane, open_plane
from mailtenant.control.sender import Letter, Sender
from mailtenant.migration import Migration, State, Window, events
from mailtenant.migration.evidence import Item
from mailtenant.migration.transitions import Notice
from mailtenant.settings.existing import Phase
from mailtenant.workflow import runs
from mailtenant.workflow.worker import FENCED_EXIT
from world.layout import SHARED_NAME
from world.moving.api import Api
from world.moving.programs import Server
from world.moving.scene import TREE, Scene

ENTERED_AFTER: Mapping[str, Phase] = {
    Notice.RECORDS.value: "additive", Notice.CONNECTION.value: "cutover", Notice.RESTORE.value: "additive",
}  # fmt: skip
"""Message → what a customer has in its zone that does what the message says, and nothing by itself."""
TIME = "time-set-on"
"""File in the scene's folder: seconds by which the clock of this control plane is ahead."""
FENCED = (-signal.SIGALRM, FENCED_EXIT)
"""How a worker ends that stalled past its lease."""
PACES = {"tick": 0.5, "pause": 1, "look": 2, "longest_look": 5, "quiet": 60, "lease": 30, "prepare_days": 5}
DEADLINE = 1800.0


def clock(folder: Path) -> Callable[[], datetime]:
    """The time of day, and what was set on."""
    file = folder / TIME

    def now() -> datetime:
        ahead = float(file.read_text(encoding="ascii")) if file.exists() else 0.0
        return datetime.now(UTC) + timedelta(seconds=ahead)

    return now


def control_settings(scene: Scene, url: str) -> ControlSettings:
    return ControlSettings.model_validate({
        "database_url": url, "key_file": scene.folder / "control.key", "platform_domain": "outboxment.test",
        "shared_smtp_host": SHARED_NAME, "shared_imap_host": SHARED_NAME,
    })  # fmt: skip


class Office:
    """`tell` gets a line for people whenever something happens; `between_reads`: seconds between two of userinfo.

    `leap`: so much at most time is set on at once. `spares`: the next worker has loaded its modules before it is called
    for.
    """

    def __init__(
        self,
        scene: Scene,
        url: str = "",
        tell: Callable[[str], None] = lambda _: None,
        between_reads: float = 0.02,
        *,
        leap: timedelta = timedelta(hours=12),
        spares: bool = False,
    ) -> None:
        self.scene, self._tell, self._leap, self._spares = scene, tell, leap, spares
        self.url = url or f"sqlite:///{scene.folder / 'control.db'}"
        key = scene.folder / "control.key"
        if not key.exists():
            key.write_text(base64.b64encode(secrets.token_bytes(32)).decode(), encoding="ascii")
            key.chmod(0o600)
        (scene.folder / "shared-ca.pem").write_text(scene.world.shared_ca(), encoding="ascii")
        self.plane: ControlPlane = open_plane(control_settings(scene, self.url), now=clock(scene.folder))
        self.letters: list[Letter] = []
        self._sender = Sender(self.plane, {"mail": self.letters.append}, "desk")
        self._announced = 0
        self._entered: Phase = "adopted"
        self._begun_with: Phase = "adopted"
        self._seen, self._started = 0, 0
        self.workers: list[subprocess.Popen[bytes]] = []
        self._spare: subprocess.Popen[bytes] | None = None
        with self.plane.database.write() as session:
            tenant = customers.add(
                self.plane, session, organisation="Mover Ltd", domains=[scene.domain],
                contact=("Jo Doe", "jo@elsewhere.test"), actor="demo", label=scene.label, provider="manual",
            )  # fmt: skip
            customers.confirm(self.plane, session, scene.label, actor="demo")
            self._key = api_keys.create(self.plane, session, tenant, "programs", actor="demo")[1]
        self.api = Api(scene.folder, self.environment(), self._key, between_reads)

    @property
    def migration(self) -> Migration:
        with self.plane.database.read() as session:
            return migrations.load(session, customers.find(session, self.scene.label))[1]

    def serving(self) -> Server:
        """Where userinfo sends the customer's people: asked over HTTP, with the API key made before the move."""
        _, host = self.api.hosts()
        return self.shared() if host == SHARED_NAME else self.own()

    def userinfo_problems(self) -> list[str]:
        """What a reader of userinfo must never have seen: a mixed or empty pair, an error."""
        own = self.scene.stack_file.settings.host
        right = {f"200 {host} {host}" for host in (SHARED_NAME, own)}
        return [answer for answer in self.api.seen if answer not in right]

    def shared(self) -> Server:
        ca = (self.scene.folder / "shared-ca.pem").read_text(encoding="ascii")
        return Server(SHARED_NAME, self.scene.shared_publish, ca)

    def own(self) -> Server:
        settings = self.scene.stack_file.settings
        return Server(settings.host, self.scene.publish, settings.tls.ca)

    def order(self, event: events.Event) -> None:
        migrations.apply_event(self.plane, self.scene.label, event, actor="operator:demo")

    def begin_with(self, records: Phase) -> None:
        """A move of this customer begins: its zone is as `records` says, whatever came of an earlier move."""
        self._announced = len(self.letters)
        self._begun_with = self._entered = records
        if records == "adopted":
            self.scene.restore_records()
        else:
            self.scene.enter_records(records)

    def schedule(self, interruption: int = 30) -> None:
        """The customer has ticked off its checklist, and the window is announced."""
        with self.plane.database.write() as session:
            tenant = customers.find(session, self.scene.label)
            for item in Item:
                migrations.check_item(self.plane, session, tenant, item, green=True, by="demo")
        start = self.plane.now() + timedelta(days=8)
        self.order(events.Schedule(Window(start, 240, interruption)))

    # --- worker processes

    def start_worker(self) -> "subprocess.Popen[bytes]":
        """`mailtenant migrate run` with this control plane's clock."""
        worker, self._spare = self._spare or self._loaded(), None
        told = json.dumps({"folder": str(self.scene.folder), "url": self.url, "scene": self._facts()})
        assert worker.stdin is not None  # noqa: S101 - `_loaded` gave it one
        with worker.stdin as orders:
            orders.write(told.encode())
        self.workers.append(worker)
        if self._spares:
            self._spare = self._loaded()
        return worker

    def _loaded(self) -> "subprocess.Popen[bytes]":
        """A worker that waits for its orders, its modules loaded: it has opened nothing yet."""
        self._started += 1
        with (self.scene.folder / f"worker-{self._started}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "world.moving.worker"],
                cwd=TREE, env=self.environment(), stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip

    def working_api(self) -> Api:
        """A further server of the API, which also carries out tasks; to be closed by the caller."""
        return Api(self.scene.folder, self.environment(), self._key, between=1.0, work=True)

    def environment(self) -> dict[str, str]:
        """What an operator of this control plane has set, for every command."""
        dns = self.scene.world.resolver()
        return {
            **self.scene.tools(),
            **{f"MAILTENANT_MIGRATE_{name.upper()}": str(value) for name, value in PACES.items()},
            **self.scene.environment,
            "MAILTENANT_MIGRATE_SHARED_HOST": f"docker://{self.scene.network}-shared",
            "MAILTENANT_MIGRATE_SHARED_CA": str(self.scene.folder / "shared-ca.pem"),
            "MAILTENANT_MIGRATE_RESOLVERS": f"{self.scene.world.layout.dns},127.0.0.1:{dns.port}",
            "MAILTENANT_MIGRATE_ECHO": "echo@elsewhere.test",
            "MAILTENANT_DATABASE_URL": self.url,
            "MAILTENANT_KEY_FILE": str(self.scene.folder / "control.key"),
            "MAILTENANT_PLATFORM_DOMAIN": "outboxment.test",
            "MAILTENANT_SHARED_SMTP_HOST": SHARED_NAME,
            "MAILTENANT_SHARED_IMAP_HOST": SHARED_NAME,
            "MAILTENANT_RATE_KEY": "1000000/minute",
        }

    def _facts(self) -> dict[str, object]:
        names = (
            "network", "subnet", "edge", "internal", "publish", "shared_publish", "label", "domain", "neighbour", "ttl",
            "standing",
        )  # fmt: skip
        return {name: getattr(self.scene, name) for name in names}

    def _revive(self) -> None:
        """As the parent of `mailtenant migrate run` does: a machine that is overloaded stalls workers, too."""
        for worker in [one for one in self.workers if one.poll() in FENCED]:
            self.workers.remove(worker)
            self.start_worker()

    def stop_workers(self) -> None:
        spare, self._spare = self._spare, None
        for worker in [*self.workers, *([spare] if spare else [])]:
            if worker.poll() is None:
                worker.kill()
            worker.wait(30)
            if worker.stdin:
                worker.stdin.close()

    # --- what people and the calendar do meanwhile

    def until(self, reached: Callable[[Migration], bool], seconds: float = DEADLINE) -> Migration:
        """Polls until it holds. Meanwhile messages go out, records are entered, the customer signs off, and time is set
        on where nothing but time is missing. Raises: TimeoutError with the workers' last words"""
        deadline = time.monotonic() + seconds
        while True:
            migration = self.migration
            self._news()
            if reached(migration):
                return migration
            if time.monotonic() > deadline:
                raise TimeoutError(f"still {migration.state.value}: {migration.failure}\n{self.logs()}")
            self._revive()
            self._sender.round()
            self._enter(migration)
            if migration.state is State.HOLDING and migration.sign_off is None:
                self.order(events.Agree("Jo Doe"))
            self._set_on(migration)
            time.sleep(0.25)  # between two looks of a poll with a deadline

    def _enter(self, migration: Migration) -> None:
        """The customer enters records when it is told to; support puts them back in a rollback."""
        if not migration.manual_dns:
            return
        wanted = self._begun_with
        for letter in self.letters[self._announced :]:
            wanted = ENTERED_AFTER.get(letter.kind, wanted)
        if wanted != self._entered:
            self.scene.enter_records(wanted)
            self._tell(f"the customer has entered the records of `{wanted}`")
            self._entered = wanted

    def _set_on(self, migration: Migration) -> None:
        with self.plane.database.read() as session:
            run = runs.get(session, customers.find(session, self.scene.label))
        if run is None or run.due_at is None or migration.state is State.FROZEN:
            return
        left = (run.due_at - self.plane.now()).total_seconds()
        if left > 5:
            if migration.state is State.VERIFYING:
                # One more round of probes, at the end of the time for which they must stay green.
                left = max(left, self.plane.settings.policy.green_for.total_seconds())
            file = self.scene.folder / TIME
            ahead = float(file.read_text(encoding="ascii")) if file.exists() else 0.0
            part = file.with_suffix(".part")
            part.write_text(str(ahead + min(left, self._leap.total_seconds())), encoding="ascii")
            os.replace(part, file)

    def _news(self) -> None:
        with self.plane.database.read() as session:
            history = migrations.history(session, customers.find(session, self.scene.label).id)
        for event in history[self._seen :]:
            detail = ", ".join(f"{key} {value}" for key, value in event.detail.items() if value not in (None, {}))
            self._tell(f"{event.event} → {event.target}" + (f" ({detail})" if detail else ""))
        self._seen = len(history)

    def logs(self) -> str:
        return "\n".join(path.read_text()[-4000:] for path in sorted(self.scene.folder.glob("worker-*.log")))

    def close(self) -> None:
        self.stop_workers()
        self.api.close()
        self.plane.close()
