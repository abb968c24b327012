"""`python -m bench [NAME…] [--quick] [--output docs/benchmarks.md] [--json FILE] [--date DATE]`.

Exit codes: 0 measured and every aim met, 1 an aim was missed or a benchmark failed, 2 wrong usage.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from docker.errors import DockerException
from rich.console import Console

from bench.benchmarks import BENCHMARKS
from bench.lock import only_run
from bench.machine import describe
from bench.report import document, print_result
from bench.results import BenchError, Collected
from bench.session import Session
from mailtenant.fleet.leftovers import engine_client
from mailtenant.settings import SettingsErrors
from world.engine import WorldError

PAGE = Path("docs/benchmarks.md")
LOCK = Path(tempfile.gettempdir()) / "mailtenant-bench.lock"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is named, or all; prints each result as soon as it is there."""
    asked = _parser().parse_args(arguments)
    names = [name for name in BENCHMARKS if name in asked.names or not asked.names]
    if unknown := set(asked.names) - set(BENCHMARKS):
        print(f"bench: unknown: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    console, progress = Console(), Console(stderr=True)
    # Ended from outside (a time limit, a closed terminal): what was made is removed all the same.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    try:
        client = engine_client()
        collected = Collected(_command(names, asked), describe(client, asked.date))
        with only_run(LOCK), ExitStack() as stack:
            session = Session(client, progress, stack, quick=asked.quick)
            for name in names:
                collected.results.append(BENCHMARKS[name](session))
                print_result(console, collected.results[-1])
    except (BenchError, WorldError, SettingsErrors, DockerException, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    # A part, or a quick run, does not overwrite the page of a whole one unless somebody names it.
    output = asked.output or (PAGE if not asked.quick and not asked.names else None)
    if output:
        output.write_text(document(collected), encoding="utf-8")
    if asked.json:
        asked.json.write_text(json.dumps(collected.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    missed = [figure.name for result in collected.results for figure in result.missed]
    for name in missed:
        print(f"bench: aim missed: {name}", file=sys.stderr)
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Speed and memory, as ratios measured in one run."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="a small version of each, in a couple of minutes")
    parser.add_argument("--output", type=Path, help=f"the page to write; default for a whole run: {PAGE}")
    parser.add_argument("--json", type=Path, help="all figures for programs")
    parser.add_argument("--date", help="said on the page; left out: none")
    return parser


def _command(names: Sequence[str], asked: argparse.Namespace) -> str:
    words = ["python -m bench", *(names if asked.names else []), *(["--quick"] if asked.quick else [])]
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
