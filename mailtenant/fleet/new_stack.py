"""A new stack in the backend, with encrypted secrets: made in a folder of its own, so a failure leaves no trace."""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mailtenant.settings.document import read_document
from mailtenant.settings.secret_leaves import encrypted_leaves, quoted_path

Secrets = Mapping[tuple[str, ...], str]


class PulumiMissing(RuntimeError):
    """The Pulumi CLI is not on this machine's path."""


class PulumiRefused(RuntimeError):
    """The Pulumi CLI said no; the message is its last word."""


@dataclass(frozen=True)
class EncryptedSecrets:
    """What the CLI wrote: the salt of the stack's key, and the tree of leaves `{secure: …}`."""

    salt: str
    tree: Mapping[str, Any]


@contextmanager
def new_stack(
    project_file: Path,
    label: str,
    secrets: Secrets,
    environment: Mapping[str, str],
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[EncryptedSecrets]:
    """Makes the stack and encrypts the secrets; the stack is removed again if the body (or this) fails.

    Raises: PulumiMissing, PulumiRefused
    """
    with TemporaryDirectory(prefix="mailtenant-new-") as name:
        folder = Path(name)
        (folder / "stacks").mkdir()
        shutil.copy(project_file, folder / "Pulumi.yaml")
        _pulumi(folder, ["stack", "init", label, "--no-select"], environment)
        try:
            for path, value in secrets.items():
                progress(f"encrypting {'.'.join(path)}")
                # The value goes in by stdin: arguments and environment can be read by others on the machine.
                key = ["config", "set", "--secret", "--path", quoted_path(path), "--stack", label, "--raw"]
                _pulumi(folder, key, environment, value)
            yield _read(folder / "stacks" / f"Pulumi.{label}.yaml", set(secrets))
        except BaseException:
            _pulumi(folder, ["stack", "rm", label, "--yes"], environment)
            raise


def _read(path: Path, expected: set[tuple[str, ...]]) -> EncryptedSecrets:
    value = read_document(path, path.name).value
    tree = value["config"]["mailtenant:secrets"]
    if encrypted_leaves(tree) != expected:
        raise PulumiRefused("it did not store every secret encrypted; nothing was kept")
    return EncryptedSecrets(value["encryptionsalt"], tree)


def _pulumi(folder: Path, arguments: Sequence[str], environment: Mapping[str, str], stdin: str | None = None) -> None:
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    program = shutil.which("pulumi", path=environment.get("PATH"))
    if program is None:
        raise PulumiMissing("the Pulumi CLI was not found: run `make setup`")
    done = subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        env=dict(environment),
        input=stdin or "",
        text=True,
        capture_output=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line.removeprefix("error: ") for line in said if line.startswith("error:")]
        last = (errors or said or ["no reason given"])[-1]
        raise PulumiRefused(f"`pulumi {' '.join(arguments[:2])}` failed: {last}")
