"""Starting a container and waiting until it runs or is healthy, with an error that says why it does not."""

from __future__ import annotations

from typing import Any

from .engine import Engine, EngineError
from .objects import Values

_SETTLE = 0.15
"""Seconds in which a container that has to run must not exit (the official plugin looks once after 0.1 s)."""

_LOG_LINES = 10


def start(engine: Engine, id_: str, inputs: Values) -> None:
    """Starts it; with `wait` until healthy, else with `mustRun` until it is seen running."""
    name = inputs["name"]
    with engine.doing(f"Unable to start container {name}") as api:
        api.start(id_)
    if inputs["wait"]:
        _wait_until_healthy(engine, id_, name, float(inputs["waitTimeout"]))
    elif inputs["mustRun"]:
        for _ in engine.ticks(_SETTLE, every=0.05):
            _fail_if_exited(engine, id_, name, _inspect(engine, id_, name))


def _wait_until_healthy(engine: Engine, id_: str, name: str, limit: float) -> None:
    for left in engine.ticks(limit, every=0.1):
        seen = _inspect(engine, id_, name)
        health = seen["State"].get("Health")
        if health is None or health["Status"] == "none":
            raise EngineError(f"container {name} has no healthcheck: give it one, or do not `wait`")
        if health["Status"] == "healthy":
            return
        _fail_if_exited(engine, id_, name, seen)
        if health["Status"] == "unhealthy":
            raise EngineError(f"container {name} is unhealthy{_last_check(health)}{_last_lines(engine, id_)}")
        if left <= 0:
            what = f"container {name} is not healthy after {limit:.0f} s (waitTimeout)"
            raise EngineError(f"{what}{_last_check(health)}{_last_lines(engine, id_)}")


def _fail_if_exited(engine: Engine, id_: str, name: str, seen: Any) -> None:
    state = seen["State"]
    if not state["Running"]:
        reason = f": {state['Error']}" if state.get("Error") else ""
        what = f"container {name} exited with code {state['ExitCode']}{reason}"
        health = state.get("Health")
        raise EngineError(f"{what}{_last_check(health) if health else ''}{_last_lines(engine, id_)}")


def _inspect(engine: Engine, id_: str, name: str) -> Any:
    with engine.doing(f"Unable to read container {name}") as api:
        return api.inspect_container(id_)


def _last_check(health: Any) -> str:
    runs = health.get("Log") or []
    if not runs:
        return "; its healthcheck has not finished once"
    return f"; last healthcheck (exit {runs[-1]['ExitCode']}): {_one_line(runs[-1]['Output']) or 'no output'}"


def _last_lines(engine: Engine, id_: str) -> str:
    try:
        with engine.doing("Unable to read its log") as api:
            text = api.logs(id_, tail=_LOG_LINES)
    except EngineError:  # a log driver that cannot be read; the error above is the one that counts
        return ""
    return f"; last log lines: {_one_line(text.decode(errors='replace')) or 'none'}"


def _one_line(text: str) -> str:
    return " | ".join(line.strip() for line in text.splitlines() if line.strip())
