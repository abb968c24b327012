"""The offline preview: what a thousand tenants cost in one process, and one changed among many by the command."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.commands import run
from bench.documents import documents, stack_file_text
from bench.results import Aim, Figure, Result
from bench.session import Session
from mailtenant.diff.image import RecordImage, TenantImage
from mailtenant.diff.tenant import TenantChange, tenant_change
from mailtenant.dns import local_zones, records
from mailtenant.environment import tool_environment
from mailtenant.rendering import render_tenant
from mailtenant.settings import parse_settings

TREE = Path(__file__).resolve().parents[2]


def measure(session: Session) -> Result:
    """The pure part over all tenants; then the whole command, whose cost must not follow the size of the fleet."""
    number, rounds = (100, 1) if session.quick else (1_000, 5)
    session.say(f"diff: {number} tenants in one process")
    each = _in_one_process(number)
    with TemporaryDirectory(prefix="mailtenant-bench-") as name:
        session.say("diff: one of 10, one of many, by the command")
        few, many = (_repository(Path(name) / str(size), size) for size in (10, number))
        seconds: dict[Path, list[float]] = {few: [], many: []}
        for _ in range(rounds + 1):  # interleaved; the first round warms both up
            for folder in (few, many):
                seconds[folder].append(_command(folder))
        one_few, one_many = (median(seconds[folder][1:]) for folder in (few, many))
        session.say("diff: graphs")
        graph = _graphs(Path(name), 10 if session.quick else 50)
    figures = (
        Figure("validate, plan, render both sides, compare: a tenant", each, "ms", aim=Aim("at most", 30)),
        Figure("`mailtenant diff`, one changed of 10", one_few, "s"),
        Figure(
            f"`mailtenant diff`, one changed of {number:,} ÷ of 10",
            one_many,
            "s",
            baseline=one_few,
            ratio=one_many / one_few,
            aim=Aim("at most", 3),
        ),
        Figure("whole image with the resource graph, a tenant", graph, "ms"),
    )
    notes = (
        "The resource graph is asked for only where something changes: it is the Pulumi SDK's own registration of "
        "about 70 resources, which a change of shared code asks of every tenant on both sides.",
    )
    how = "Different tenants, a tuning changed in each; the command in a git repository of stack files, one edited."
    return Result("diff", f"Offline preview of {number:,} tenants", how, figures, notes=notes)


def _in_one_process(number: int) -> float:
    """Milliseconds a tenant, for both sides and the comparison."""
    plain = documents(number)
    started = time.perf_counter()
    changed = 0
    for document in plain:
        tuning = {"postfix": {"message_size_limit_mib": 9}, "dovecot": {}}
        found = _compared(document, {**document, "tuning": tuning})
        changed += found.kind == "changed"
    spent = time.perf_counter() - started
    assert changed == number  # noqa: S101 (a comparison that sees nothing would be fast)
    return spent / number * 1000


def _compared(old: dict[str, object], new: dict[str, object]) -> TenantChange:
    sides = [_image(document) for document in (old, new)]
    return tenant_change(sides[0].label, sides[0], sides[1], {})


def _image(document: dict[str, object]) -> TenantImage:
    settings = parse_settings(document)
    planned = tuple(RecordImage(r.name, r.type, r.value, r.ttl, r.reason) for r in records(settings))
    files = {file.tree_path: file.content for file in render_tenant(settings, zones=local_zones(settings))}
    return TenantImage(settings.label, {"mailtenant:tenant": document}, {}, files, planned)


def _repository(folder: Path, size: int) -> Path:
    """Stack files of so many tenants under git, the first of them edited in the working tree."""
    (folder / "stacks").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text((TREE / "Pulumi.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    plain = documents(size)
    for document in plain:
        path = folder / "stacks" / f"Pulumi.{document['label']}.yaml"
        path.write_text(stack_file_text(document), encoding="utf-8")
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "tenants"]):
        run(["git", *identity, *words], tool_environment(), folder)
    first = plain[0]
    first["tuning"] = {"postfix": {"message_size_limit_mib": 9}, "dovecot": {}}
    (folder / "stacks" / f"Pulumi.{first['label']}.yaml").write_text(stack_file_text(first), encoding="utf-8")
    return folder


def _command(folder: Path) -> float:
    started = time.perf_counter()
    said = run(["mailtenant", "diff", "HEAD", "--project", str(folder)], tool_environment(), folder)
    spent = time.perf_counter() - started
    assert "1 of " in said  # noqa: S101
    return spent


def _graphs(folder: Path, number: int) -> float:
    """Milliseconds of a whole image, in a process that has begun: all of them, less one."""
    lines = []
    for document in documents(number):
        path = folder / f"Pulumi.{document['label']}.yaml"
        path.write_text(stack_file_text(document), encoding="utf-8")
        lines.append(f'{{"label": "{document["label"]}", "file": "{path.name}", "path": "{path}"}}\n')
    times = []
    for part in (lines[:1], lines):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "stacks.offline"],
            input="".join(part),
            env={"PYTHONPATH": str(TREE)},
            text=True,
            capture_output=True,
            check=True,
        )
        times.append(time.perf_counter() - started)
        assert '"problems"' not in done.stdout  # noqa: S101
    return (times[1] - times[0]) / (number - 1) * 1000
