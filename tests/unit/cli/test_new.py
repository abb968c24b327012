"""`mailtenant new` with the real Pulumi CLI: a complete file, secrets that nobody sees, nothing left on failure."""

import io
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mailtenant.certificates import chain_faults, load_certificate
from mailtenant.cli.app import run
from mailtenant.dkim import public_half
from mailtenant.environment import tool_environment
from mailtenant.fleet.new_stack import PulumiMissing, PulumiRefused, new_stack
from mailtenant.secrets import parse_secrets
from mailtenant.settings import StackFile, load_stack_file, parse_settings
from tests.samples import names_of
from tests.unit.cli.conftest import TREE, Cli

PASSPHRASE = "passphrase of this test"


def environment_of(backend: Path) -> dict[str, str]:
    backend.mkdir(exist_ok=True)
    environment = {k: v for k, v in tool_environment().items() if not k.startswith("PULUMI_CONFIG_PASSPHRASE")}
    return environment | {"PULUMI_BACKEND_URL": f"file://{backend}", "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}


def pulumi(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["pulumi", *arguments, "--non-interactive"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def stacks(folder: Path, environment: dict[str, str]) -> list[str]:
    return [stack["name"] for stack in json.loads(pulumi(folder, environment, "stack", "ls", "--json"))]


@pytest.fixture
def passphrase(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A backend and a passphrase for `new` in this process."""
    environment = environment_of(project.parent / "backend")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
        monkeypatch.setenv(name, environment[name])
    return environment


class Made:
    """A tenant made once for the tests that only look."""

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        self.project, self.environment = project, environment

    @property
    def path(self) -> Path:
        return self.project / "stacks" / "Pulumi.acme.yaml"

    @property
    def stack_file(self) -> StackFile:
        return load_stack_file(self.path)

    def config(self, key: str) -> Any:
        return json.loads(pulumi(self.project, self.environment, "config", "get", f"mailtenant:{key}", "-s", "acme"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    project = tmp_path_factory.mktemp("made")
    (project / "stacks").mkdir()
    shutil.copy(TREE / "Pulumi.yaml", project)
    environment = environment_of(project / "backend")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
        patch.setenv("PULUMI_BACKEND_URL", environment["PULUMI_BACKEND_URL"])
        patch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
        names = ["--domain", "acme.test", "--domain", "acme-two.test", "--organisation", 'Acme "GmbH" {{x}} $y 100%']
        assert run(["new", "acme", *names, "--embedded", "--project", str(project)]) == 0
    yield Made(project, environment)


def test_the_file_is_complete_and_valid(made: Made) -> None:
    settings = made.stack_file.settings
    assert settings.organisation == 'Acme "GmbH" {{x}} $y 100%'
    assert [domain.name for domain in settings.domains] == ["acme.test", "acme-two.test"]
    assert set(settings.secret_leaves()) == made.stack_file.secrets
    assert stacks(made.project, made.environment) == ["acme"]


def test_pulumi_reads_back_what_was_written(made: Made) -> None:
    assert parse_settings(made.config("tenant"), stack="acme") == made.stack_file.settings


def test_the_secrets_decrypt_and_fit_their_public_halves(made: Made) -> None:
    secrets = parse_secrets(made.config("secrets"))
    settings = made.stack_file.settings
    assert secrets.tlsWebKey and settings.tls.web_chain
    pairs = [(secrets.tlsKey, settings.tls.chain), (secrets.tlsCaKey, settings.tls.ca)]
    for key, certificate in [*pairs, (secrets.tlsWebKey, settings.tls.web_chain)]:
        private = load_pem_private_key(key.get_secret_value().encode(), password=None)
        assert private.public_key() == load_certificate(certificate).public_key()
    published = {settings.host: settings.host_dkim[0], **{d.name: d.active for d in settings.domains}}
    for name, public in published.items():
        assert public_half(secrets.dkim[name]["mt1"].get_secret_value()) == public.public_key
    assert len({key.public_key for key in published.values()}) == 3
    passwords = [secrets.fingerprintKey, secrets.databaseReaderPassword, secrets.cachePassword]
    assert len({password.get_secret_value() for password in passwords}) == 3
    assert min(len(password.get_secret_value()) for password in passwords) >= 43


def test_the_web_certificate_is_for_every_name_that_can_be_switched_on(made: Made) -> None:
    tls = made.stack_file.settings.tls
    for name in names_of(made.stack_file.settings):
        assert list(chain_faults(str(tls.web_chain), tls.ca, name)) == []


def test_comments_stay_when_the_cli_edits_the_file(made: Made, tmp_path: Path) -> None:
    copy = tmp_path / "project"
    shutil.copytree(made.project, copy)
    before = [line for line in made.path.read_text(encoding="utf-8").splitlines() if "#" in line]
    pulumi(
        copy, made.environment, "config", "set", "--path", "mailtenant:tenant.capacity.mailboxes", "40", "-s", "acme"
    )
    path = copy / "stacks" / "Pulumi.acme.yaml"
    assert [line for line in path.read_text(encoding="utf-8").splitlines() if "#" in line] == before
    assert load_stack_file(path).settings.capacity.mailboxes == 40


def test_another_tenant_gets_other_places_and_a_taken_name_is_refused(
    project: Path, passphrase: dict[str, str], cli: Cli, made: Made
) -> None:
    shutil.copy(made.path, project / "stacks")
    ended = cli("new", "globex", "--domain", "globex.test", "--embedded", "--json")
    assert ended.code == 0
    assert ended.json["edge"] == {"network": "mailtenant-world", "address": "10.99.1.11", "address6": None}
    assert (ended.json["internal"], ended.json["publish"]) == ("10.98.0.16/28", "127.0.1.2")
    assert cli("validate").code == 0
    before = (project / "stacks" / "Pulumi.globex.yaml").read_bytes()
    again = cli("new", "globex", "--domain", "other.test", "--embedded")
    assert (again.code, "is there already" in again.err) == (1, True)
    taken = cli("new", "third", "--domain", "globex.test", "--embedded")
    assert "is a domain in stacks/Pulumi.globex.yaml as well" in taken.err
    assert (project / "stacks" / "Pulumi.globex.yaml").read_bytes() == before
    assert sorted(p.name for p in (project / "stacks").iterdir()) == ["Pulumi.acme.yaml", "Pulumi.globex.yaml"]
    assert stacks(project, passphrase) == ["globex"]


def test_a_dns_providers_token_is_read_from_stdin(
    project: Path, passphrase: dict[str, str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["new", "acme", "--domain", "acme.test", "--embedded", "--provider", "cloudflare:" + "0" * 32]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "needs cloudflareToken, one line each on stdin" in cli(*arguments).err
    monkeypatch.setattr("sys.stdin", io.StringIO("the-token\n"))
    assert cli(*arguments).code == 0
    get = ["config", "get", "--path", "mailtenant:secrets.cloudflareToken", "-s", "acme"]
    assert pulumi(project, passphrase, *get).strip() == "the-token"
    assert "the-token" not in (project / "stacks" / "Pulumi.acme.yaml").read_text(encoding="utf-8")


REFUSED: list[tuple[list[str], str]] = [
    (["-a", "--domain", "a.test"], "No such option"),
    (["www", "--domain", "acme.test"], "free and fitting would be: acme"),
    (["x" * 64, "--domain", "a.test"], "64 characters"),
    (["acme", "--domain", "Acme.test"], "domain 1 has upper-case"),
    (["acme", "--domain", "acme.test", "--domain", "acme.test"], "is the domain of entry 0 as well"),
    (["acme", "--domain", "acme.test", "--organisation", "a\nb"], "line break"),
    (["acme", "--domain", "acme.test", "--publish", "10.0.0.1"], "not a loopback address"),
    (["acme", "--domain", "acme.test", "--provider", "route53"], "names no known provider"),
    (["x" * 300, "--domain", "a.test"], "300 characters"),
    (["acme", "--domain", "acme.test", "--platform-domain", "bücher.test"], "the platform domain has letters outside"),
    (["acme", "--domain", "acme.test", "--platform-domain", f"{'x' * 60}.test"], "makes a host of 70 characters"),
    (["acme", "--domain", "a.test", "--domain", "b.test", "--provider", "cloudflare:" + "0" * 32], "one zone id"),
]


@pytest.mark.parametrize(("arguments", "word"), REFUSED, ids=[r[1] for r in REFUSED])
def test_bad_input_is_refused_before_anything_is_made(
    project: Path, passphrase: dict[str, str], cli: Cli, arguments: list[str], word: str
) -> None:
    ended = cli("new", *arguments, "--embedded")
    assert ended.code in (1, 2)
    assert word in ended.err
    assert list((project / "stacks").iterdir()) == []
    assert list((project.parent / "backend").rglob("*.json*")) == []


@pytest.mark.parametrize(
    ("variables", "code", "word"),
    [
        ({}, 3, "no passphrase to encrypt"),
        ({"PULUMI_CONFIG_PASSPHRASE": ""}, 3, "the passphrase is empty"),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": "/nowhere/passphrase"}, 3, "cannot be read"),
    ],
)
def test_a_missing_passphrase_is_said_with_the_fix(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], code: int, word: str
) -> None:
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended = cli("new", "acme", "--domain", "acme.test", "--embedded")
    assert ended.code == code
    assert word in ended.err
    assert "export PULUMI_CONFIG_PASSPHRASE_FILE=" in ended.err
    assert list((project / "stacks").iterdir()) == []


def test_the_demos_passphrase_is_for_the_demo(
    project: Path, passphrase: dict[str, str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(TREE / "stacks" / "demo-passphrase.txt"))
    ended = cli("new", "acme", "--domain", "acme.com", "--embedded")
    assert (ended.code, "published one of the demo" in ended.err) == (1, True)
    assert list((project / "stacks").iterdir()) == []


@pytest.mark.parametrize(
    ("provider", "code", "word"), [("local", 0, ""), ("godaddy", 1, "needs godaddyKey and godaddySecret")]
)
def test_a_closed_stdin_is_one_that_says_nothing(
    project: Path,
    passphrase: dict[str, str],
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    code: int,
    word: str,
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    ended = cli("new", "acme", "--domain", "acme.test", "--embedded", "--provider", provider)
    assert ended.code == code
    assert word in ended.err


def test_a_passphrase_file_may_be_named_from_the_current_folder(
    project: Path, passphrase: dict[str, str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "passphrase.txt")
    (project / "passphrase.txt").write_text(PASSPHRASE, encoding="utf-8")
    ended = cli("new", "acme", "--domain", "acme.test", "--embedded")
    assert (ended.code, ended.err) == (0, "")


def a_pulumi_that(folder: Path, script: str, environment: dict[str, str]) -> dict[str, str]:
    """An environment whose `pulumi` is a shell script that may go on to the real one."""
    real = shutil.which("pulumi", path=environment["PATH"])
    shim = folder / "bin" / "pulumi"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\n{script}\nexec {real} "$@"\n', encoding="utf-8")
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    return environment | {"PATH": f"{shim.parent}{os.pathsep}{environment['PATH']}"}


SECRETS = {
    ("tlsKey",): "-----BEGIN X-----\nunmistakable-tls-key\n-----END X-----\n",
    ("dkim", "acme.test", "mt1"): "unmistakable-dkim-key",
}


def test_no_secret_is_ever_an_argument_or_in_the_environment(project: Path, passphrase: dict[str, str]) -> None:
    log = project.parent / "log"
    shimmed = a_pulumi_that(project.parent, f'{{ printf "%s\\n" "$@"; env; }} >> {log}', passphrase)
    with new_stack(project / "Pulumi.yaml", "acme", SECRETS, shimmed) as encrypted:
        assert set(encrypted.tree) == {"tlsKey", "dkim"}
    seen = log.read_text(encoding="utf-8")
    assert "mailtenant:secrets.tlsKey" in seen
    assert "unmistakable-tls-key" not in seen
    assert "unmistakable-dkim-key" not in seen


def test_a_failure_half_way_leaves_no_stack(project: Path, passphrase: dict[str, str]) -> None:
    script = 'case "$*" in *dkim*) echo "error: the disk is full" >&2; exit 255;; esac'
    shimmed = a_pulumi_that(project.parent, script, passphrase)
    with (
        pytest.raises(PulumiRefused, match="`pulumi config set` failed: the disk is full"),
        new_stack(project / "Pulumi.yaml", "acme", SECRETS, shimmed),
    ):
        pytest.fail("never reached")
    assert stacks(project, passphrase) == []


def test_a_failure_after_encryption_leaves_no_stack(project: Path, passphrase: dict[str, str]) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        new_stack(project / "Pulumi.yaml", "acme", {("tlsKey",): "x"}, passphrase),
    ):
        assert stacks(project, passphrase) == ["acme"]
        raise KeyboardInterrupt
    assert stacks(project, passphrase) == []


def test_a_stack_that_is_there_already_is_kept(project: Path, passphrase: dict[str, str]) -> None:
    for _ in range(2):
        try:
            with new_stack(project / "Pulumi.yaml", "acme", {("tlsKey",): "x"}, passphrase):
                pass
        except PulumiRefused as error:
            assert "already exists" in str(error)
            break
    else:
        pytest.fail("the second was not refused")
    assert stacks(project, passphrase) == ["acme"]


def test_a_machine_without_pulumi_is_told_so(project: Path, passphrase: dict[str, str]) -> None:
    nowhere = passphrase | {"PATH": str(project)}
    with pytest.raises(PulumiMissing, match="make setup"), new_stack(project / "Pulumi.yaml", "acme", {}, nowhere):
        pytest.fail("never reached")
