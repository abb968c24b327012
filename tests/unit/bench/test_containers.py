"""Memory, CPU time and log lines, from a pretend engine whose container is this very process."""

import os
from types import SimpleNamespace
from typing import Any

import pytest

from bench.containers import cpu_seconds, log_count, pss_mib

GONE = 2**22 - 1  # above every process id that Linux gives


def engine(*pids: int, log: bytes = b"") -> Any:
    api = SimpleNamespace(
        top=lambda name, ps_args: {"Titles": ["PID"], "Processes": [[str(pid)] for pid in pids]},
        stats=lambda name, stream, one_shot: {"cpu_stats": {"cpu_usage": {"total_usage": 1_500_000_000}}},
    )
    containers = SimpleNamespace(get=lambda name: SimpleNamespace(logs=lambda: log))
    return SimpleNamespace(api=api, containers=containers)


def test_memory_is_the_sum_over_the_processes() -> None:
    one = pss_mib(engine(os.getpid()), "c")
    assert 1 < one < 2_000
    assert pss_mib(engine(os.getpid(), os.getpid()), "c") == pytest.approx(2 * one, rel=0.2)


def test_a_process_that_has_just_ended_takes_nothing() -> None:
    assert pss_mib(engine(GONE), "c") == 0


def test_cpu_time_is_in_seconds_and_summed_over_containers() -> None:
    assert cpu_seconds(engine(), ["a", "b"]) == pytest.approx(3.0)


def test_log_lines_are_counted() -> None:
    log = b"x: status=sent\nx: status=deferred (451)\nx: status=deferred (again)\n"
    assert log_count(engine(log=log), "c", b"status=deferred") == 2
