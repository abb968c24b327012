"""What is wrong with a stack file: where, what, the fix. Never the value that was given: it may be a secret."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, order=True)
class Problem:
    """One line of an error: file, dotted path, what is wrong, how to put it right; `line` where it is known."""

    file: str
    path: str
    message: str
    fix: str = ""
    line: int | None = None

    @property
    def text(self) -> str:
        """What is wrong and the fix, in one line."""
        return f"{self.message}; {self.fix}" if self.fix else self.message

    def at(self, file: str) -> Self:
        return replace(self, file=file)


class SettingsErrors(ValueError):
    """Every problem that was found, not only the first. `str()` is what the user sees."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(render_problems(self.problems))


class Refusal(ValueError):
    """A rule of the settings says no. `path` leads from the value that was checked to the part that is at fault."""

    def __init__(self, message: str, fix: str = "", path: tuple[str | int, ...] = ()) -> None:
        self.message, self.fix, self.path = message, fix, path
        super().__init__(f"{message}; {fix}" if fix else message)


class Refusals(ValueError):
    """Several rules say no at once."""

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__(" | ".join(str(refusal) for refusal in self.refusals))


def refuse_all(refusals: Iterable[Refusal]) -> None:
    """Raises: Refusals, if there is one at all."""
    found = tuple(refusals)
    if found:
        raise Refusals(found)


def dotted(parts: Iterable[str | int]) -> str:
    """`("domains", 1, "dns")` → `domains[1].dns`; keys that are no plain words are quoted, as the Pulumi CLI wants."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("-", "_").replace(":", "_").isidentifier():
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def render_problems(problems: Iterable[Problem]) -> str:
    """One block a file: its name and the number of problems, then one aligned line each."""
    by_file: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_file[problem.file].append(problem)
    lines = []
    for file, found in by_file.items():
        width = min(max(len(problem.path) for problem in found), 60)
        lines.append(f"{file}: {len(found)} problem{'s' if len(found) > 1 else ''}")
        for problem in found:
            where = f" (line {problem.line})" if problem.line else ""
            head = f"{problem.path:<{width}}   " if problem.path else ""
            lines.append(f"  {head}{problem.text}{where}")
    return "\n".join(lines)
