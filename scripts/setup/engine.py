"""A Docker engine: the one that answers already, else, as root on Debian, one with its files in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mailtenant.fleet.recovery import RecoveryError, recover
from scripts.setup import apt
from scripts.setup.bridges import remove_abandoned
from scripts.setup.paths import cache
from scripts.setup.shell import Failure, answers

# A unix socket's path holds 107 bytes, and containerd's sockets lie deeper than ours.
_LONGEST_FOLDER = 70
_START_SECONDS = 60


@dataclass(frozen=True)
class Engine:
    """An engine that answers. `host` is the DOCKER_HOST to use, None where the docker command finds it by itself."""

    host: str | None
    version: str

    @property
    def env(self) -> dict[str, str]:
        return {"DOCKER_HOST": self.host} if self.host else {}


def find() -> Engine | None:
    """The engine of DOCKER_HOST or of the docker context, else our own, else any that runs on this machine."""
    if shutil.which("docker") is None:
        return None
    named = _version(None)
    if named is not None:
        return Engine(os.environ.get("DOCKER_HOST") or None, named)
    if os.environ.get("DOCKER_HOST") and not _is_ours(os.environ["DOCKER_HOST"]):
        return None  # Chosen by name: another one in its place would surprise.
    for host in dict.fromkeys([own_host(), *_running()]):
        version = _version(host)
        if version is not None:
            return Engine(host, version)
    return None


def _running() -> list[str]:
    """The sockets of all engines on this machine, whatever cache they use: two would share bridges."""
    hosts = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if Path(words[0]).name == "dockerd":
            hosts += [
                after for word, after in pairwise(words) if word in ("--host", "-H") and after.startswith("unix://")
            ]
    return hosts


def prepare() -> str:
    """See to it that an engine answers."""
    engine = find()
    if engine is None:
        engine = _start()
        # Tenants that were here before the engine ended: it starts their containers in no order.
        try:
            recover({**os.environ, **engine.env})
        except RecoveryError as left:
            return f"started {engine.version} at {engine.host}; of earlier tenants: {left}"
        return f"started {engine.version} at {engine.host}"
    return f"{engine.version} answers at {engine.host or 'its usual place'}"


def required() -> Engine:
    """The engine, for steps that come after `prepare`."""
    engine = find() or find()  # A busy engine may miss one question.
    if engine is None:
        raise Failure("no Docker engine answers; run: python3 scripts/setup engine")
    return engine


def folder() -> Path:
    """Our engine's socket, process id, log and data."""
    return cache() / "engine"


def runtime() -> Path:
    """Where our engine's sockets are: its folder, or a short path where that one is too deep for a socket."""
    if len(os.fsencode(folder())) <= _LONGEST_FOLDER:
        return folder()
    return Path("/run") / f"mailtenant-{hashlib.sha256(os.fsencode(folder())).hexdigest()[:8]}"


def own_host() -> str:
    """The address of our own engine."""
    return f"unix://{runtime() / 'docker.sock'}"


def stop() -> str:
    """End our own engine (and with it its containers), if it runs."""
    pid = _own_pid()
    if pid is None:
        return "our own engine does not run"
    os.kill(pid, signal.SIGTERM)
    if not _wait(lambda: not _alive(pid), 60):
        raise Failure(f"the engine (process {pid}) does not end; its log: {folder() / 'dockerd.log'}")
    return f"ended process {pid}"


def _is_ours(host: str | None) -> bool:
    return host == own_host()


def _version(host: str | None) -> str | None:
    env = {"DOCKER_HOST": host} if host else {}
    text = answers(["docker", "version", "--format", "{{.Server.Version}}"], env=env, timeout=8)
    return (text or "").strip() or None


def _start() -> Engine:
    if os.environ.get("DOCKER_HOST") and not _is_ours(os.environ["DOCKER_HOST"]):
        raise Failure(
            f"DOCKER_HOST={os.environ['DOCKER_HOST']} does not answer; start that engine or unset DOCKER_HOST"
        )
    if os.geteuid() != 0:
        raise Failure(
            "no Docker engine answers, and only root can start one; "
            "install and start Docker (https://docs.docker.com/engine/install/), "
            "add yourself to the group `docker`, log in anew, and run make again"
        )
    _packages()
    if Path("/run/systemd/system").is_dir():
        answers(["systemctl", "start", "docker"], timeout=60)
    named = _version(None)  # With systemd, the machine's own engine runs by now.
    if named is not None:
        return Engine(None, named)
    running = _own_pid()
    if (
        running is not None
    ):  # Alive but silent: perhaps only slow, on a busy machine. Its containers are worth the wait.
        version = _await_answer(running)
        if version is not None:
            return Engine(own_host(), version)
    _cgroups()
    _remove_leftovers()
    # The engine chooses its storage by itself; where that goes wrong, plain copies work on every file system.
    for options in ([], ["--storage-driver", "vfs"]):
        pid = _launch(options)
        version = _await_answer(pid)
        if version is not None:
            return Engine(own_host(), version)
        _end(pid)
        _remove_leftovers()
    raise Failure(f"dockerd does not start: {_last_words()}; its log: {folder() / 'dockerd.log'}")


def _await_answer(pid: int) -> str | None:
    """The version of our engine once it answers; None when its process ends or the time is over."""
    _wait(lambda: _version(own_host()) is not None or not _alive(pid), _START_SECONDS)
    return _version(own_host())


def _packages() -> None:
    missing = []
    if shutil.which("dockerd") is None:
        missing.append("docker.io")
    if shutil.which("iptables") is None:
        missing.append("iptables")
    if missing:
        apt.install(missing, "the Docker engine is missing")
    if shutil.which("docker") is None:  # Since Debian 13 the command is a package of its own.
        apt.install(["docker-cli"], "the docker command is missing")
    if _flag("/sys/module/apparmor/parameters/enabled") and shutil.which("apparmor_parser") is None:
        apt.install(["apparmor"], "the kernel has AppArmor on, its parser is missing")


def _flag(path: str) -> bool:
    try:
        return Path(path).read_text().strip() == "Y"
    except OSError:
        return False


def _cgroups() -> None:
    """A bare container or a small virtual machine may have none mounted; the engine needs them for limits."""
    root = Path("/sys/fs/cgroup")
    if root.is_dir() and not any(root.iterdir()):
        answers(["mount", "-t", "cgroup2", "none", root])


def _tool_path() -> str:
    """PATH for dockerd, with the iptables that works in front: a kernel may offer only one of nft and legacy."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    path = f"{path}:/usr/sbin:/sbin"
    if answers(["iptables", "-w", "-t", "nat", "-n", "-L"]) is not None:
        return path
    tools = folder() / "bin"
    for flavour in ("iptables-legacy", "iptables-nft"):
        found = shutil.which(flavour, path=path)
        if found and answers([found, "-w", "-t", "nat", "-n", "-L"]) is not None:
            tools.mkdir(parents=True, exist_ok=True)
            for name, target in (("iptables", found), ("ip6tables", found.replace("iptables", "ip6tables"))):
                (tools / name).unlink(missing_ok=True)
                (tools / name).symlink_to(target)
            return f"{tools}:{path}"
    raise Failure(
        "iptables works neither with nft nor in legacy mode; this kernel cannot run Docker's networks (CONFIG_NF_NAT)"
    )


def _launch(options: list[str]) -> int:
    """Start dockerd in a session of its own: it survives make and the terminal."""
    for made in (folder(), runtime()):
        made.mkdir(parents=True, exist_ok=True, mode=0o711)
    config = folder() / "daemon.json"  # Our own, so that the machine's /etc/docker/daemon.json does not mix in.
    config.write_text("{}\n")
    command = [
        "dockerd",
        *("--config-file", str(config)),
        *("--host", own_host()),
        *("--pidfile", str(runtime() / "docker.pid")),
        *("--data-root", str(folder() / "data")),
        *("--exec-root", str(runtime() / "exec")),
        *options,
    ]
    with (folder() / "dockerd.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PATH": _tool_path()},
        )
    (folder() / "started.pid").write_text(f"{process.pid}\n")
    return process.pid


def _own_pid() -> int | None:
    """The process id of our engine, if that process is alive and really is our dockerd (ids are used again)."""
    for file in (runtime() / "docker.pid", folder() / "started.pid"):
        try:
            pid = int(file.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if words[0].endswith(b"dockerd") and str(folder() / "data").encode() in words:
            return pid
    return None


def _remove_leftovers() -> None:
    """What a killed engine leaves behind keeps the next one from starting: processes, pid files, its containerd."""
    pid = _own_pid()
    if pid is not None:
        _end(pid)
    containerd = runtime() / "exec" / "containerd" / "containerd.pid"
    try:
        child = int(containerd.read_text())
        if str(runtime()).encode() in Path(f"/proc/{child}/cmdline").read_bytes():
            _end(child)
    except (OSError, ValueError):
        pass
    for file in (runtime() / "docker.pid", runtime() / "docker.sock", folder() / "started.pid", containerd):
        file.unlink(missing_ok=True)
    if not _running():
        remove_abandoned()


def _end(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if _wait(lambda: not _alive(pid), 20):
            return


def _alive(pid: int) -> bool:
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _wait(until: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if until():
            return True
        time.sleep(0.3)
    return until()


def _last_words() -> str:
    try:
        return (folder() / "dockerd.log").read_text(errors="replace").strip().splitlines()[-1][-300:]
    except (OSError, IndexError):
        return "its log is empty"
