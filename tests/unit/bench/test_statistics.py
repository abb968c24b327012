"""Medians, spreads, the order of rounds."""

import pytest

from bench.statistics import compare, interleaved, spread


def test_the_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_the_medians() -> None:
    compared = compare([10, 40, 90], [10, 20, 30])
    assert (compared.value, compared.baseline, compared.ratio) == (40, 20, 2)
    assert compare([1, 8, 9], [1, 2, 9]).ratio == 1


@pytest.mark.parametrize(("values", "baselines"), [([], []), ([1], [1, 2]), ([1], [0])])
def test_what_cannot_be_compared_is_refused(values: list[float], baselines: list[float]) -> None:
    with pytest.raises(ValueError, match="baseline"):
        compare(values, baselines)


def test_spread_is_half_the_distance_between_the_quartiles() -> None:
    assert spread([1, 2, 3, 4, 5]) == pytest.approx(1 / 3)
    assert spread([7]) == 0
    assert spread([5, 5, 5]) == 0


def test_rounds_take_turns_in_who_goes_first() -> None:
    order: list[str] = []

    def side(name: str) -> int:
        order.append(name)
        return len(order)

    firsts, seconds = interleaved(3, lambda: side("a"), lambda: side("b"))
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert (firsts, seconds) == ([1, 4, 5], [2, 3, 6])
