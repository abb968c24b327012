"""One tenant's database container and nothing else, run as the stack runs it: rendered files in read-only volumes, no
capabilities, no way to write to its root."""

import contextlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from mailtenant.accounts import AccountStore, accounts_document
from mailtenant.accounts.engine import TenantEngine
from mailtenant.environment import tool_environment
from mailtenant.rendering import SERVICES, render_service
from mailtenant.settings import TenantSettings
from tests.world.tenants import eventually

SPEC = SERVICES["database"]


@dataclass
class Database:
    """The container `mt-<label>-database`, its volumes and its network; all of them carry the tenant's label."""

    settings: TenantSettings
    password: str = "first-Pässwörd:\\'x"
    environment: dict[str, str] = field(default_factory=tool_environment)

    @property
    def engine(self) -> TenantEngine:
        return TenantEngine(self.settings.label, self.settings.prefix, self.environment)

    @property
    def container(self) -> str:
        return self.engine.container("database")

    def docker(self, *arguments: str, data: bytes | None = None, check: bool = True) -> str:
        command = ["docker", *arguments]
        done = subprocess.run(command, env=self.environment, input=data, capture_output=True, check=False, timeout=120)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode().strip()

    def up(self) -> None:
        self.down()
        label = f"mailtenant.tenant={self.settings.label}"
        prefix = self.settings.prefix
        self.docker(
            "network", "create", "--label", label, "--subnet", str(self.settings.internal.subnet), f"{prefix}-internal"
        )
        for volume in ("config", "secrets", *(mount.role for mount in SPEC.volumes)):
            self.docker("volume", "create", "--label", label, f"{prefix}-{volume}")
        self.upload(
            "config", {file.path.rpartition("/")[2]: file.content for file in render_service(self.settings, "database")}
        )
        self.upload("secrets", {"reader.password": self.password + "\n"})
        self.apply(accounts_document(self.settings))
        self.start()

    def start(self) -> None:
        """Creates the container; its volumes are there."""
        prefix = self.settings.prefix
        mounts = [(mount.role, mount.path, mount.read_only) for mount in SPEC.volumes]
        mounts += [("config", SPEC.config_path, True), ("secrets", "/run/secrets-in", True)]
        options = [f"--volume={prefix}-{role}:{path}{':ro' if read_only else ''}" for role, path, read_only in mounts]
        options += [f"--tmpfs={path}:{how}" for path, how in SPEC.tmpfs.items()]
        options += [
            "--init",
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            "--restart=unless-stopped",
        ]
        options += [
            f"--user={SPEC.user}",
            f"--memory={self.settings.sizes['database'].memory_mib}m",
            f"--network={prefix}-internal",
        ]
        options += [
            f"--ip={self.settings.internal_address('database')}",
            f"--label=mailtenant.tenant={self.settings.label}",
        ]
        options += ["--health-interval=1s", f"--publish={self.settings.publish}::5432"]
        self.docker(
            "run", "--detach", "--name", self.container, *options, f"mailtenant/database:{self.settings.release}"
        )
        self.wait_until_healthy()

    def replace(self) -> None:
        """What `pulumi up` does after a change: a new container on the kept volumes."""
        self.docker("rm", "--force", self.container)
        self.start()

    def wait_until_healthy(self) -> None:
        def healthy() -> bool:
            state = json.loads(self.docker("inspect", "--format", "{{json .State}}", self.container))
            return bool(state["Running"] and state["Health"]["Status"] == "healthy")

        eventually(healthy, what=f"{self.container} healthy")

    def down(self) -> None:
        """Removes everything that carries the label, whatever state it is in."""
        chosen = ["--filter", f"label=mailtenant.tenant={self.settings.label}", "--quiet"]
        for kind, listing in (("container", ["--all"]), ("network", []), ("volume", [])):
            for found in self.docker(kind, "ls", *listing, *chosen).split():
                self.docker(kind, "rm", *(["--force"] if kind == "container" else []), found)

    def upload(self, role: str, files: Mapping[str, str]) -> None:
        """As the engine's uploads do it: through a container that never starts, owned by root, mode 0444."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content.encode()), 0o444
                tar.addfile(entry, io.BytesIO(content.encode()))
        carrier = f"{self.settings.prefix}-carrier"
        label = f"mailtenant.tenant={self.settings.label}"
        volume = f"--volume={self.settings.prefix}-{role}:/files"
        self.docker("create", "--name", carrier, "--label", label, volume, f"mailtenant/edge:{self.settings.release}")
        try:
            self.docker("cp", "-", f"{carrier}:/files", data=archive.getvalue())
        finally:
            self.docker("rm", carrier)

    def apply(self, document: str | dict[str, Any]) -> None:
        """Puts accounts.json in place, as a settings change does; taken over within seconds."""
        text = document if isinstance(document, str) else json.dumps(document)
        self.upload("accounts", {"accounts.json": text})

    def accounts(self) -> AccountStore:
        return AccountStore(self.engine)

    @contextlib.contextmanager
    def reader(self, password: str | None = None) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A session of role `mailreader` over TCP, as Postfix and Dovecot open it."""
        host, _, port = self.docker("port", self.container, "5432/tcp").splitlines()[0].rpartition(":")
        parameters = {"user": "mailreader", "dbname": "mail", "connect_timeout": 5}
        with psycopg.connect(
            host=host, port=port, password=password or self.password, autocommit=True, **parameters
        ) as connection:
            yield connection

    def lookup(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with self.reader() as connection:
            return connection.execute(query, values).fetchall()

    def owner(self, statement: str) -> str:
        """Runs SQL as the database's owner, inside the container."""
        psql = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "/run/postgresql", "-U", "postgres", "-d", "mail"]
        return self.docker("exec", self.container, *psql, "-c", statement)

    def logs(self) -> str:
        """What the container has said, on both streams."""
        command = ["docker", "logs", self.container]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout + done.stderr

    def reset(self) -> None:
        """The settings of the stack file, no account but the built-in one: at the first domain, no password."""
        first = self.settings.domains[0].name
        self.owner(
            f"""DELETE FROM mail.aliases;
                UPDATE mail.mailboxes SET role = address = 'postmaster@{first}', password = NULL;
                DELETE FROM mail.mailboxes WHERE NOT role"""
        )
        state = """SELECT string_agg(name, '|' ORDER BY position) || (
                       SELECT concat_ws('|', '', mailboxes, storage_bytes, mailbox_quota_bytes) FROM mail.settings)
                   FROM mail.domains WHERE active AND NOT EXISTS (SELECT FROM mail.settings_refusal)"""
        document = json.loads(accounts_document(self.settings))
        limits = (str(document["capacity"][name]) for name in ("mailboxes", "storage_bytes", "mailbox_quota_bytes"))
        wanted = "|".join([*document["domains"], *limits])
        if self.owner(state) != wanted:
            self.apply(document)
            self.eventually_owner(state, wanted)

    def eventually_owner(self, query: str, wanted: str) -> None:
        """Polls until the owner's query gives exactly this."""
        eventually(lambda: self.owner(query) == wanted, seconds=20, what=f"{query} = {wanted}")

    def owners_map(self) -> list[str]:
        return self.docker("exec", self.container, "cat", "/run/owners/addresses.map").splitlines()
