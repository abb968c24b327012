"""What a benchmark hands back: figures with their aims, and notes. How they are shown is `report`'s business."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Aim:
    """A bound for the ratio of a figure, or for its value where there is no baseline."""

    kind: Literal["at least", "at most"]
    bound: float

    def met_by(self, value: float) -> bool:
        return value >= self.bound if self.kind == "at least" else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.kind == 'at least' else '≤'} {self.bound:g}"


@dataclass(frozen=True)
class Figure:
    """One measured value. `spread` is half the distance between the quartiles, as a share of what the aim is for."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    spread: float | None = None
    aim: Aim | None = None

    @property
    def judged(self) -> float:
        """What the aim is for: the ratio, or the value where there is no ratio."""
        return self.value if self.ratio is None else self.ratio

    @property
    def met(self) -> bool | None:
        return self.aim.met_by(self.judged) if self.aim else None


@dataclass(frozen=True)
class Result:
    """Everything that one benchmark found. `baseline` says what the figures are compared with."""

    name: str
    title: str
    how: str
    figures: tuple[Figure, ...]
    baseline: str = ""
    notes: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[Figure, ...]:
        return tuple(figure for figure in self.figures if figure.met is False)


class BenchError(Exception):
    """A benchmark that could not be measured: what, and the fix, in one line."""


@dataclass
class Collected:
    """All results of a run, for the JSON file."""

    command: str
    machine: dict[str, str]
    results: list[Result] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        answer = asdict(self)
        for shown, result in zip(answer["results"], self.results, strict=True):
            for plain, figure in zip(shown["figures"], result.figures, strict=True):
                plain["met"] = figure.met
        return answer
