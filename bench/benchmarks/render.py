"""Validates, plans and renders many different tenants in one process."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeVar

from bench.documents import documents, stack_file_text
from bench.results import Aim, Figure, Result
from bench.session import Session
from mailtenant.dns import local_zones, records
from mailtenant.rendering import render_tenant
from mailtenant.settings import check_fleet, load_stack_file, parse_settings

T = TypeVar("T")
R = TypeVar("R")


def measure(session: Session) -> Result:
    """Every step over all tenants, one step after the other, so that each is timed by itself."""
    number = 100 if session.quick else 1_000
    session.say(f"render: {number} tenants")
    plain = documents(number)
    with TemporaryDirectory(prefix="mailtenant-bench-") as name:
        paths = [Path(name) / f"Pulumi.{document['label']}.yaml" for document in plain]
        for path, document in zip(paths, plain, strict=True):
            path.write_text(stack_file_text(document), encoding="utf-8")
        read, stack_files = _each(paths, load_stack_file)
    validate, settings = _each(plain, lambda document: parse_settings(document, stack=document["label"]))
    plan, zones = _each(settings, lambda tenant: (records(tenant), local_zones(tenant))[1])
    render, files = _each(list(zip(settings, zones, strict=True)), lambda pair: render_tenant(pair[0], zones=pair[1]))
    fleet, problems = _each([stack_files], check_fleet)
    steps = {"validate": validate, "plan": plan, "render": render}
    total = [sum(step[i] for step in steps.values()) for i in range(number)]
    tenth = number // 10
    lines = sum(file.content.count("\n") for file in files[0])
    different = len({file.content for rendered in files for file in rendered if file.path.endswith("main.cf")})
    figures = [Figure(f"{name}, a tenant", _ms(step), "ms") for name, step in steps.items()]
    figures += [
        Figure("all three, a tenant", _ms(total), "ms"),
        Figure(f"all three, {number:,} tenants", sum(total), "s"),
        Figure(
            "last tenth ÷ first tenth of them",
            median(total[-tenth:]) * 1000,
            "ms",
            baseline=median(total[:tenth]) * 1000,
            ratio=median(total[-tenth:]) / median(total[:tenth]),
            aim=Aim("at most", 1.5),
        ),
        Figure("stack file read and validated, a tenant", _ms(read), "ms"),
        Figure(f"rules over a fleet of {number:,}", sum(fleet) * 1000, "ms"),
    ]
    notes = [
        f"Each tenant: {len(files[0])} files, {lines:,} lines; {different:,} different main.cf files; "
        f"{len(problems[0])} problems found in the fleet."
    ]
    how = "Different tenants, validated, their records and zones planned, all files rendered, in one process; one core."
    return Result("render", f"{number:,} tenants, validated and rendered", how, tuple(figures), notes=tuple(notes))


def _each(items: Sequence[T], step: Callable[[T], R]) -> tuple[list[float], list[R]]:
    """Seconds and answer of each item."""
    seconds, answers = [], []
    for item in items:
        started = time.perf_counter()
        answers.append(step(item))
        seconds.append(time.perf_counter() - started)
    return seconds, answers


def _ms(seconds: Sequence[float]) -> float:
    return sum(seconds) / len(seconds) * 1000
