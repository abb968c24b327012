"""Medians and spreads of a few rounds; small on purpose, since a handful of rounds carries no more than that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Compared:
    """Medians of both sides, and of the rounds' ratios: a busy moment of the machine meets both halves of a round."""

    value: float
    baseline: float
    ratio: float
    spread: float


def compare(values: Sequence[float], baselines: Sequence[float]) -> Compared:
    """Round by round. Raises: ValueError, if there are no rounds, unequal numbers of them, or a baseline of 0."""
    if not values or len(values) != len(baselines):
        raise ValueError(f"{len(values)} values and {len(baselines)} baselines: one of each per round is needed")
    if not all(baselines):
        raise ValueError("a baseline is 0")
    ratios = [value / baseline for value, baseline in zip(values, baselines, strict=True)]
    return Compared(median(values), median(baselines), median(ratios), spread(ratios))


def spread(values: Sequence[float]) -> float:
    """Half the distance between the quartiles, as a share of the median; 0 for a single value."""
    if len(values) < 2 or not median(values):
        return 0.0
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    return (upper - lower) / 2 / abs(median(values))


def interleaved(rounds: int, first: Callable[[], T], second: Callable[[], T]) -> tuple[list[T], list[T]]:
    """Runs both sides in each round, and turns the order around every other time (ABBA), so that drift cancels out."""
    firsts: list[T] = []
    seconds: list[T] = []
    for number in range(rounds):
        pair = [(first, firsts), (second, seconds)]
        for measure, into in pair if number % 2 == 0 else reversed(pair):
            into.append(measure())
    return firsts, seconds
