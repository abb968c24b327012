"""Two revisions compared: which tenants are looked at, whose code looks, what becomes of each.

Nothing is computed that object ids already answer: with the same code on both sides only tenants whose stack file
differs are looked at; where only templates differ, only those whose rendered files do.
"""

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailtenant.diff.errors import DiffError
from mailtenant.diff.evaluation import Answers, Job, evaluate
from mailtenant.diff.repository import Repository, Revision, stack_label, stack_path
from mailtenant.diff.tenant import TenantChange, tenant_change

INSTALLED_TREE: Final = Path(__file__).resolve().parents[2]
EVALUATOR: Final = "stacks/offline.py"
CODE: Final = ("components", "mailtenant", "providers", "templates", "stacks/__main__.py", EVALUATOR, "Pulumi.yaml")
"""What a tenant image is computed from, besides its stack file."""
NO_PART: Final = tuple(f"mailtenant/{name}/" for name in ("api", "check", "cli", "control", "diff", "migration", "ci"))
"""Folders in there that no tenant image depends on; a test looks at what is really loaded."""
TEMPLATES: Final = "templates/"
AT_ONCE: Final = 200
"""Tenants whose images are held at once: both sides of one take about a megabyte."""

Progress = Callable[[str, int], None]
"""Called with a few words and how many tenants are still to be looked at."""


@dataclass(frozen=True)
class Comparison:
    """`tenants`: those that change or are broken, the worst first. `total`: tenants on either side."""

    base: Revision
    head: Revision
    tenants: tuple[TenantChange, ...]
    total: int
    code_changed: tuple[str, ...]

    @property
    def problems(self) -> bool:
        return any(one.kind == "broken" for one in self.tenants)

    @property
    def loses_data(self) -> bool:
        return any(one.loses_data for one in self.tenants)


@dataclass(frozen=True)
class _Side:
    """A revision, and the tree whose code judges it; `own` False: the repository holds stack files only."""

    revision: Revision
    tree: Path
    own: bool


def compare(
    repository: Repository,
    project: Path,
    base: Revision,
    head: Revision,
    only: Collection[str] = (),
    progress: Progress = lambda _text, _left: None,
    processes: int | None = None,
) -> Comparison:
    """Every tenant that changes between the two. `only`: labels to look at; none: all.

    Raises: DiffError, if a revision cannot be compared at all.
    """
    changed = repository.changed_paths(base, head)
    code = tuple(sorted(path for path in changed if _is_code(path)))
    labels = {side: repository.labels(side) for side in (base, head)}
    everyone = labels[base] | labels[head]
    touched = {label for path in changed if (label := stack_label(path))} & everyone
    if unknown := set(only) - everyone:
        raise DiffError(
            f"no tenant `{min(unknown)}` on either side; its stack file would be {stack_path(min(unknown))}"
        )
    with tempfile.TemporaryDirectory(prefix="mailtenant-diff-") as name:
        folder = Path(name)
        sides = [_side(repository, project, side, folder / str(i)) for i, side in enumerate((base, head))]
        if not all(side.own for side in sides):
            code = () if not any(side.own for side in sides) else code or ("components",)
        wanted = sorted((everyone if code else touched) & (set(only) or everyone))
        files = [
            repository.stack_files(side.revision, wanted, _made(folder / f"stacks-{i}")) for i, side in enumerate(sides)
        ]
        for i, side in enumerate(sides):
            _checkout(repository, side, needed=bool(wanted) and (bool(code) or i == 1))
        if not code:  # one tree judges both sides
            sides[0] = _Side(base, sides[1].tree, own=sides[1].own)

        def jobs(side: int, labels: Iterable[str], *, files_only: bool = False) -> list[Job]:
            found = files[side]
            return [
                Job(label, found[label], stack_path(label), files[0].get(label) if side else None, files_only)
                for label in labels
                if label in found
            ]

        runner = _Runner(sides, processes or os.cpu_count() or 1, progress)
        if code and all(path.startswith(TEMPLATES) for path in code):
            rest = [label for label in wanted if label not in touched]
            digests = runner.both("rendering", jobs(0, rest, files_only=True), jobs(1, rest, files_only=True))
            same = {
                label
                for label in rest
                if label in digests[0].images
                and label in digests[1].images
                and digests[0].images[label] == digests[1].images[label]
            }
            wanted = [label for label in wanted if label not in same]
        found: list[TenantChange] = []
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            old, new = runner.both(
                "evaluating", jobs(0, part), jobs(1, part), more=2 * (len(wanted) - start - len(part))
            )
            for label in part:
                change = tenant_change(label, old.images.get(label), new.images.get(label), new.rules or old.rules)
                found += [change] if change.kind != "unchanged" else []
    worst = sorted(found, key=lambda one: (one.severity, one.label))
    return Comparison(base, head, tuple(worst), len(everyone), code)


def _is_code(path: str) -> bool:
    inside = any(path == part or path.startswith(f"{part}/") for part in CODE)
    return inside and not path.startswith(NO_PART) and not path.endswith(".md")


def _side(repository: Repository, project: Path, revision: Revision, folder: Path) -> _Side:
    """Which tree judges a revision. Raises: DiffError for code that is older than this command."""
    if not repository.holds(revision, "components"):
        return _Side(revision, INSTALLED_TREE, own=False)
    if not repository.holds(revision, EVALUATOR):
        raise DiffError(
            f"{revision.shown} is older than `mailtenant diff`: it holds no {EVALUATOR}; compare with a newer revision"
        )
    return _Side(revision, project if revision.commit is None else folder, own=True)


def _checkout(repository: Repository, side: _Side, *, needed: bool) -> None:
    if needed and side.own and side.revision.commit is not None:
        repository.write(side.revision, CODE, _made(side.tree))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class _Runner:
    """Both sides at once, each by its own tree's code."""

    def __init__(self, sides: Sequence[_Side], processes: int, progress: Progress) -> None:
        self._sides, self._processes, self._progress = sides, processes, progress

    def both(self, doing: str, base: Sequence[Job], head: Sequence[Job], more: int = 0) -> tuple[Answers, Answers]:
        """`more`: how many are still to come after these, for the progress."""
        left = len(base) + len(head) + more

        def one_less() -> None:
            nonlocal left
            left -= 1
            self._progress(doing, left)

        self._progress(doing, left)
        names = [side.revision.shown for side in self._sides]
        trees = [side.tree for side in self._sides]
        if trees[0] == trees[1]:  # the same code: one process begins once
            images, rules = evaluate(trees[1], names[1], [*base, *head], self._processes, one_less)
            parts = [(images[: len(base)], rules), (images[len(base) :], rules)]
        else:
            each = max(1, self._processes // 2)
            with ThreadPoolExecutor(2) as pool:
                running = [
                    pool.submit(evaluate, tree, name, jobs, each, one_less)
                    for tree, name, jobs in zip(trees, names, (base, head), strict=True)
                ]
                parts = [one.result() for one in running]
        answers = [Answers({image.label: image for image in images}, rules) for images, rules in parts]
        return answers[0], answers[1]
