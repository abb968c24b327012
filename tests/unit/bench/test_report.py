"""Numbers, rows, aims, the page."""

import io
import json

import pytest
from rich.console import Console

from bench.report import cells, document, number, print_result
from bench.results import Aim, Collected, Figure, Result

MISSED = Figure("readable", 150, "/s", baseline=300, ratio=0.5, spread=0.04, aim=Aim("at least", 0.7))
MET = Figure("whole tenant", 180.44, "MiB", aim=Aim("at most", 250))
RESULT = Result("throughput", "Throughput", "How.", (MISSED, MET), baseline="the floor.", notes=("A note.",))
COLLECTED = Collected("python -m bench", {"cores": "2", "memory": "24 GiB"}, [RESULT])


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.70412, "0.704"), (5.613, "5.61"), (12.345, "12.3"), (259.4, "259"), (1056, "1,056"), (0, "0"), (2.0, "2")],
)
def test_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_row_shows_figure_baseline_ratio_aim_and_verdict() -> None:
    assert cells(MISSED) == ("readable", "150 /s", "300 /s", "0.50", "4%", "≥ 0.7", "missed")
    assert cells(MET) == ("whole tenant", "180 MiB", "", "", "", "≤ 250", "met")


def test_an_aim_is_for_the_ratio_where_there_is_one() -> None:
    assert MISSED.met is False
    assert Figure("same", 150, "/s", baseline=300, ratio=0.7, aim=Aim("at least", 0.7)).met is True
    assert Figure("no aim", 1, "s").met is None
    assert RESULT.missed == (MISSED,)


def test_the_page_holds_command_machine_baseline_and_leaves_out_no_figure() -> None:
    page = document(COLLECTED)
    for words in (
        "```\npython -m bench\n```",
        "Machine: cores 2, memory 24 GiB.",
        "## Throughput",
        "Baseline: the floor.",
        "| readable | 150 /s | 300 /s | 0.50 | 4% | ≥ 0.7 | missed |",
        "| whole tenant | 180 MiB |  |  |  | ≤ 250 | met |",
        "- A note.",
    ):
        assert words in page


def test_columns_that_nothing_fills_are_left_out() -> None:
    plain = Result("start", "Start", "How.", (Figure("up", 30, "s"),))
    page = document(Collected("c", {}, [plain]))
    assert "|  | measured |\n| --- | ---: |\n| up | 30 s |" in page


def test_a_cell_cannot_break_the_table() -> None:
    odd = Result("odd", "Odd", "How.", (Figure("a | b", 1, "s"),))
    assert "| a \\| b | 1 s |" in document(Collected("c", {}, [odd]))


def test_the_terminal_shows_the_same_figures() -> None:
    console = Console(file=io.StringIO(), width=120)
    print_result(console, RESULT)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "missed" in shown and "≤ 250" in shown and "A note." in shown


def test_json_says_whether_each_aim_is_met() -> None:
    plain = json.loads(json.dumps(COLLECTED.as_json()))
    assert [figure["met"] for figure in plain["results"][0]["figures"]] == [False, True]
    assert plain["results"][0]["figures"][0]["aim"] == {"kind": "at least", "bound": 0.7}
