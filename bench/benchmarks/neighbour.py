"""A neighbour that takes all it can: what is left for a customer on the same machine."""

from dataclasses import replace
from statistics import median

from bench.load.delivery import Mode, Plan, deliver
from bench.load.flood import flooding
from bench.results import Figure, Result
from bench.session import MAILBOXES, PASSWORD, Session
from bench.statistics import compare, interleaved
from bench.target import Target
from bench.tenant import new_neighbour

CONNECTIONS = 50
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
        quiet, loud = first.target(), replace(neighbour.target(), name="neighbour")
        figures = [figure for mode in MODES for figure in _beside(session, mode, quiet, loud)]
    return Result(
        "neighbour",
        "A customer beside one that floods its own server",
        "Messages a second from a login on 465 to readable on 993, of one tenant alone and while another one on the "
        f"same engine, with the same default sizes, is sent all that it takes over {CONNECTIONS} connections. Two that "
        "want a whole machine get half of it each, less what their two load generators take.",
        tuple(figures),
        baseline="the same tenant alone.",
    )


def _beside(session: Session, mode: Mode, quiet: Target, loud: Target) -> list[Figure]:
    plan = mode.quick if session.quick else mode.full
    floods: list[float] = []

    def alone() -> float:
        found = deliver(quiet, plan, lambda: 0.0).rate
        session.say(f"neighbour: {mode.name}: {found:.1f}/s")
        return found

    def beside() -> float:
        with flooding(loud, CONNECTIONS) as flood:
            found = alone()
        floods.append(flood.messages / flood.seconds)
        session.say(f"neighbour: that was beside {floods[-1]:.1f}/s")
        return found

    deliver(quiet, replace(plan, messages=max(10, plan.messages // 10)), lambda: 0.0)
    found = compare(*interleaved(1 if session.quick else 5, beside, alone))
    return [
        Figure(f"{mode.name}: beside the flood", found.value, "/s", found.baseline, found.ratio, found.spread),
        Figure(f"{mode.name}: the flood meanwhile", median(floods), "/s"),
    ]
