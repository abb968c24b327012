"""A neighbour that takes all it can: what is left for a customer, on stacks of their own and on one server for both."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.load.delivery import Plan, deliver
from bench.load.flood import flooding
from bench.results import Aim, Figure, Result
from bench.session import MAILBOXES, PASSWORD, Session
from bench.statistics import Compared, compare, interleaved
from bench.target import Target
from bench.tenant import new_neighbour

CONNECTIONS = 50
FAIR = Aim("at least", 0.4)
"""Of two who want all of a machine each, one gets half; the rest is the measuring's own share, and its noise."""


@dataclass(frozen=True)
class Mode:
    """How the customer that is measured works."""

    name: str
    full: Plan
    quick: Plan


MODES = (
    Mode("10 connections", Plan(600, 10), Plan(100, 10)),
    Mode("1 connection", Plan(60, 1), Plan(20, 1)),
)


def measure(session: Session) -> Result:
    """Rounds alone and beside the flood in turn."""
    first = session.started().tenant
    session.say("neighbour: another tenant: pulumi up")
    with new_neighbour(session.client, first) as neighbour:
        neighbour.up()
        neighbour.add_mailboxes(MAILBOXES, PASSWORD)
        return _measured(session, first.target(), replace(neighbour.target(), name="neighbour"), session.floor())


def _measured(session: Session, tenant: Target, neighbour: Target, floor: Target) -> Result:
    half = len(floor.mailboxes) // 2
    parts = [replace(floor, mailboxes=part) for part in (floor.mailboxes[:half], floor.mailboxes[half:])]
    pairs = {"own stacks": (tenant, neighbour), "one server": (parts[0], parts[1])}
    figures: list[Figure] = []
    for mode in MODES:
        for name, (quiet, loud) in pairs.items():
            found, flood = _beside(session, mode, quiet, loud)
            aim, label = FAIR if name == "own stacks" else None, f"{mode.name}, {name}"
            rates = (found.value, "/s", found.baseline, found.ratio, found.spread)
            figures += [
                Figure(f"{label}: beside the flood ÷ alone", *rates, aim),
                Figure(f"{label}: the flood meanwhile", flood, "/s"),
            ]
    return Result(
        "neighbour",
        "A customer beside one that floods its own server",
        "Messages a second from a login on 465 to readable on 993, of one customer alone and while another one sends "
        f"over {CONNECTIONS} connections as fast as it can. Own stacks: two tenants of this product with the "
        "default sizes on one engine. One server: both are customers of one bare Postfix and Dovecot, the floor's.",
        tuple(figures),
        baseline="the same customer alone.",
    )


def _beside(session: Session, mode: Mode, quiet: Target, loud: Target) -> tuple[Compared, float]:
    """(rates beside the flood against those alone, messages a second of the flood)"""
    plan = mode.quick if session.quick else mode.full
    floods: list[float] = []

    def rate() -> float:
        return deliver(quiet, plan, lambda: 0.0).rate

    def beside() -> float:
        with flooding(loud, CONNECTIONS) as flood:
            found = rate()
        floods.append(flood.messages / flood.seconds)
        return found

    deliver(quiet, replace(plan, messages=max(10, plan.messages // 10)), lambda: 0.0)
    # On one server a customer waits for the whole queue of the other: minutes, and one round tells it.
    rounds = 1 if session.quick or quiet.containers == loud.containers else 3
    with_flood, alone = interleaved(rounds, _said(session, mode, "beside", beside), _said(session, mode, "alone", rate))
    return compare(with_flood, alone), sum(floods) / len(floods)


def _said(session: Session, mode: Mode, how: str, measured: Callable[[], float]) -> Callable[[], float]:
    def both() -> float:
        found = measured()
        session.say(f"neighbour: {mode.name}, {how}: {found:.1f}/s")
        return found

    return both
