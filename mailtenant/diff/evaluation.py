"""Asks a revision's own code for tenant images: `python -m stacks.offline` in a folder that holds its tree.

The interpreter and the installed packages are the present ones; only the tree is the revision's. Nothing of this
machine's settings goes along: no passphrase, no token, no proxy.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailtenant.diff.errors import DiffError
from mailtenant.diff.image import IMAGE_FORM, Rule, TenantImage, rules_of, tenant_image

_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
# A process takes a second to start; a tenant some tenths of one.
_A_PROCESS = 8


@dataclass(frozen=True)
class Job:
    """A stack file to be read; `shown` is its name in problems, `before` the one that is deployed.

    `files_only`: only a digest of the rendered files is asked for, which takes a tenth of the time.
    """

    label: str
    path: Path
    shown: str
    before: Path | None = None
    files_only: bool = False


@dataclass(frozen=True)
class Answers:
    """Images by label, and the rules of that revision's code."""

    images: Mapping[str, TenantImage]
    rules: Mapping[str, Rule]


def evaluate(
    tree: Path, name: str, jobs: Sequence[Job], processes: int, progress: Callable[[], None] = lambda: None
) -> tuple[list[TenantImage], Mapping[str, Rule]]:
    """The images of all jobs in their order, by the code in `tree`, and that code's rules.

    `name` says in errors which revision that is.

    Raises: DiffError, if that code cannot be run at all.
    """
    if not jobs:
        return [], {}
    number = max(1, min(processes, len(jobs) // _A_PROCESS))
    with ThreadPoolExecutor(number) as pool:
        parts = list(
            pool.map(lambda part: _evaluate(tree, name, part, progress), (jobs[i::number] for i in range(number)))
        )
    images = [parts[i % number][0][i // number] for i in range(len(jobs))]
    return images, parts[0][1]


def _evaluate(
    tree: Path, name: str, jobs: Sequence[Job], progress: Callable[[], None]
) -> tuple[list[TenantImage], Mapping[str, Rule]]:
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
    # -P keeps the current folder out, PYTHONPATH puts the revision's tree before the installed one.
    environment |= {"PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-P", "-m", "stacks.offline"]
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        ) as process:
            assert process.stdin and process.stdout  # noqa: S101 (both are pipes, as asked for)
            with ThreadPoolExecutor(1) as writer:
                written = writer.submit(_write, process.stdin, jobs)
                answers = list(_answers(process.stdout, progress))
                written.result()
        if process.returncode or len(answers) != len(jobs) + 1:
            errors.seek(0)
            raise DiffError(f"the code of {name} cannot be run: {_reason(errors.read())}")
    if answers[0].get("form") != IMAGE_FORM:
        raise DiffError(
            f"the code of {name} speaks another form ({answers[0].get('form')}, this is {IMAGE_FORM}): "
            "compare revisions on one side of that change"
        )
    return [tenant_image(answer) for answer in answers[1:]], rules_of(answers[0])


def _write(stream: Any, jobs: Sequence[Job]) -> None:
    try:
        for job in jobs:
            before = str(job.before) if job.before else None
            line: dict[str, Any] = {"label": job.label, "file": job.shown, "path": str(job.path), "before": before}
            line |= {"files_only": True} if job.files_only else {}
            stream.write(json.dumps(line).encode() + b"\n")
        stream.close()
    except BrokenPipeError:  # it has ended: its error is what counts
        pass


def _answers(stream: Any, progress: Callable[[], None]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(stream):
        yield json.loads(line)
        if number:
            progress()


def _reason(said: bytes) -> str:
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it ended without a word"
