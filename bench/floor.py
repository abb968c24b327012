"""The floor: a bare Postfix and Dovecot in one container, built from `images/floor`, gone after the run."""

import io
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker.errors

from bench.commands import eventually
from bench.load.inbox import Inbox
from bench.load.submission import Submission
from bench.results import BenchError
from bench.target import Mailbox, Target
from mailtenant.accounts.passwords import hash_password
from mailtenant.certificates import make_local_certificates
from mailtenant.environment import tool_environment

FOLDER = Path(__file__).parent / "images" / "floor"
IMAGE = "mailtenant/bench-floor"
NAME, ADDRESS, HOST, DOMAIN = "be-floor", "127.0.8.1", "floor.outboxment.test", "bench.test"


@contextmanager
def running_floor(client: Any, mailboxes: int, password: str) -> Iterator[Target]:
    """Built if it changed (the builder's cache knows), started, ready for logins. Raises: BenchError"""
    _build()
    remove_floor(client)
    made = make_local_certificates("floor", HOST, datetime.now(UTC))
    people = tuple(Mailbox(f"b{number}@{DOMAIN}", password) for number in range(mailboxes))
    hashed = hash_password(password)
    files = {
        "tls.key": made.key,
        "tls.pem": made.chain,
        "users": "".join(f"{person.address}:{hashed}\n" for person in people),
        "mailboxes": "".join(f"{person.address} x\n" for person in people),
    }
    ports = {"465/tcp": (ADDRESS, 465), "993/tcp": (ADDRESS, 993)}
    target = Target("floor", ADDRESS, HOST, made.ca, people, (NAME,), NAME)
    try:
        container = client.containers.create(IMAGE, name=NAME, ports=ports, hostname="floor")
        _put(container, "/etc", "floor", files)
        container.start()
        eventually(lambda: _answers(target), "the floor to take a login")
        yield target
    except docker.errors.APIError as error:
        raise BenchError(f"the floor's container: {error.explanation}") from error
    finally:
        remove_floor(client)


def remove_floor(client: Any) -> None:
    """Also what a run that was killed has left."""
    try:
        client.containers.get(NAME).remove(force=True, v=True)
    except docker.errors.NotFound:
        return


def _answers(target: Target) -> bool:
    Inbox.login(target, target.mailboxes[0], target.tls()).close()
    Submission.login(target, target.mailboxes[0], target.tls()).close()
    return True


def _build() -> None:
    environment = tool_environment() | {"DOCKER_BUILDKIT": "0"}
    done = subprocess.run(
        ["docker", "build", "-q", "--network", "host", "--tag", IMAGE, str(FOLDER)],
        env=environment, text=True, capture_output=True, check=False, timeout=900,
    )  # fmt: skip
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BenchError(f"the floor's image cannot be built: {why}; `make images` makes the base image")


def _put(container: Any, parent: str, folder: str, files: Mapping[str, str]) -> None:
    """Files for root, readable by the daemons (a throwaway key and throwaway accounts)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    container.put_archive(parent, buffer.getvalue())
