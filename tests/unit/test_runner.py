"""Commands on other machines: what is wrong is said, and no argument is read by a shell on the way."""

import sys
from pathlib import Path

import pytest

from mailtenant.migration.sides import SideError
from mailtenant.runner import DockerRunner, HostGone, SshRunner, checked
from mailtenant.waiting import until


def client(folder: Path, name: str, body: str) -> dict[str, str]:
    """A pretended `docker` or `ssh`."""
    script = folder / name
    script.write_text(f"#!{sys.executable}\nimport json, sys\n{body}\n")
    script.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_words_reach_a_container_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = client(tmp_path, "docker", "print(json.dumps(sys.argv[1:]), end='')")
    monkeypatch.setenv("PATH", environment["PATH"])
    words = ["echo", "a b", "$(id)", "';--"]
    assert checked(DockerRunner("box", environment), words) == (
        '["exec", "-i", "-u", "0:0", "box", "echo", "a b", "$(id)", "\';--"]'
    )


def test_words_for_ssh_are_quoted_for_the_shell_that_sshd_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = client(tmp_path, "ssh", "import subprocess; sys.exit(subprocess.call(['sh', '-c', sys.argv[-1]]))")
    monkeypatch.setenv("PATH", environment["PATH"])
    assert (
        checked(SshRunner("root@shared", environment), ["printf", "%s|", "a b", "$(id)", "';--"]) == "a b|$(id)|';--|"
    )


@pytest.mark.parametrize(
    ("complaint", "said"),
    [
        ("Error: No such container: box", "there is no such container"),
        ("Error response from daemon: Container 123 is not running", "is not running"),
        ("Cannot connect to the Docker daemon at unix:///x", "no Docker engine answers"),
    ],
)
def test_a_container_that_is_gone_is_told_from_a_command_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complaint: str, said: str
) -> None:
    environment = client(tmp_path, "docker", f"print({complaint!r}, file=sys.stderr); sys.exit(1)")
    monkeypatch.setenv("PATH", environment["PATH"])
    with pytest.raises(HostGone, match=said):
        DockerRunner("box", environment).run(["true"])


def test_a_command_that_fails_is_an_error_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = client(tmp_path, "docker", "print('first\\nlast words\\n', file=sys.stderr); sys.exit(3)")
    monkeypatch.setenv("PATH", environment["PATH"])
    with pytest.raises(SideError, match="box: `postfix` failed: last words") as error:
        checked(DockerRunner("box", environment), ["postfix", "reload"])
    assert not isinstance(error.value, HostGone)


def test_ssh_that_finds_no_host_is_a_host_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = client(tmp_path, "ssh", "print('ssh: connect: refused', file=sys.stderr); sys.exit(255)")
    monkeypatch.setenv("PATH", environment["PATH"])
    with pytest.raises(HostGone, match="root@shared: ssh: ssh: connect: refused"):
        SshRunner("root@shared", environment).run(["true"])


def test_what_a_command_reads_may_become_known_when_it_is_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    environment = client(tmp_path, "docker", f"open({str(begun)!r}, 'w').close(); print(sys.stdin.read(), end='')")
    monkeypatch.setenv("PATH", environment["PATH"])

    def given() -> bytes:
        assert until(begun.exists, 20), "it is asked for while the command runs"
        return b"a secret"

    assert DockerRunner("box", environment).run(["cat"], stdin=given).output == b"a secret"


def test_a_command_whose_input_never_becomes_known_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = tmp_path / "pid"
    environment = client(
        tmp_path, "docker", f"import os, time; open({str(process)!r}, 'w').write(f'{{os.getpid()}} '); time.sleep(600)"
    )
    monkeypatch.setenv("PATH", environment["PATH"])

    def never() -> bytes:
        assert until(lambda: process.exists() and process.read_text().endswith(" "), 20)
        raise SideError("the way in was not opened")

    with pytest.raises(SideError, match="not opened"):
        DockerRunner("box", environment).run(["cat"], stdin=never)
    assert not Path(f"/proc/{process.read_text().strip()}").exists()
