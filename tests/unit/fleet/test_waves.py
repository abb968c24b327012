"""Waves and the failure budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtenant.fleet.waves import DEFAULT_WAVES, BadWaves, exceeds_budget, parse_waves, plan_waves

LABELS = [f"t{i:03}" for i in range(100)]


def test_the_default_grows_from_one_to_all() -> None:
    assert [len(wave) for wave in plan_waves(LABELS, parse_waves(DEFAULT_WAVES))] == [1, 5, 25, 69]


def test_a_share_is_not_rounded_up_by_floating_point() -> None:
    assert len(plan_waves(LABELS, parse_waves("7%,rest"))[0]) == 7
    assert len(plan_waves(LABELS[:25], parse_waves("28%,rest"))[0]) == 7
    assert len(plan_waves(LABELS[:26], parse_waves("28%,rest"))[0]) == 8


def test_a_small_fleet_has_a_canary_and_no_empty_wave() -> None:
    assert plan_waves(["a", "b"], parse_waves(DEFAULT_WAVES)) == (("a",), ("b",))


def test_canaries_come_first_and_fill_the_first_wave() -> None:
    waves = plan_waves(LABELS, parse_waves("1,rest"), ["t050", "t007"])
    assert waves[0] == ("t050", "t007")


def test_a_canary_that_is_not_rolled_is_refused_by_name() -> None:
    with pytest.raises(BadWaves, match="ghost"):
        plan_waves(LABELS, parse_waves("1,rest"), ["ghost"])


@given(
    st.lists(st.integers(0, 10_000), unique=True, max_size=300).map(lambda ns: [f"t{n}" for n in ns]),
    st.lists(st.one_of(st.integers(1, 50).map(str), st.integers(1, 100).map(lambda n: f"{n}%")), max_size=4),
    st.integers(0, 5),
)
def test_every_tenant_is_in_exactly_one_wave(labels: list[str], sizes: list[str], canaries: int) -> None:
    waves = plan_waves(labels, parse_waves(",".join([*sizes, "rest"])), labels[-canaries:] if canaries else [])
    assert sorted(label for wave in waves for label in wave) == sorted(labels)
    assert all(waves)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,5%", "last wave must be `rest`"),
        ("rest,1", "`rest` must be the last"),
        ("0%,rest", "more than 0%"),
        ("101%,rest", "at most 100%"),
        ("0,rest", "neither a number"),
        ("-1,rest", "neither a number"),
        ("", "neither a number"),
        ("many,rest", "neither a number"),
    ],
)
def test_waves_that_make_no_sense_are_refused(text: str, why: str) -> None:
    with pytest.raises(BadWaves, match=why):
        parse_waves(text)


def test_a_budget_is_what_may_fail() -> None:
    assert not exceeds_budget(0, 0)
    assert exceeds_budget(1, 0)
    assert not exceeds_budget(2, 2)
