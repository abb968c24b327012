"""How long a new tenant takes from `pulumi up` to its first login."""

from statistics import median

from bench.results import Figure, Result
from bench.session import Session


def measure(session: Session) -> Result:
    """The first start of the run, and in a full run two more from nothing."""
    started = [session.started()]
    for _ in range(0 if session.quick else 2):
        tenant = session.started().tenant
        session.say("start: everything removed, once more")
        tenant.forget()
        started.append(session.start(tenant))
    totals = [one.up + one.mailboxes + one.login for one in started]
    figures = (
        Figure("pulumi up", median(one.up for one in started), "s"),
        Figure("mailboxes imported", median(one.mailboxes for one in started), "s"),
        Figure("first IMAP login", median(one.login for one in started), "s"),
        Figure("from `pulumi up` to the first login", median(totals), "s"),
    )
    return Result(
        "start",
        "Start of a tenant",
        "A stack that was never up: images are there, everything else is made. `pulumi up` waits until every service "
        f"is healthy. Median of {len(started)}.",
        figures,
    )
