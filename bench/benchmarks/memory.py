"""What an idle tenant takes of the machine's memory."""

from bench.containers import pss_mib
from bench.results import Aim, Figure, Result
from bench.session import Session

AIM = Aim("at most", 250)


def measure(session: Session) -> Result:
    """After the first login, before any mail."""
    tenant = session.started().tenant
    floor = session.floor()
    session.say("memory: proportional set size of all processes")
    services = {name: pss_mib(session.client, name) for name in tenant.containers()}
    bare = sum(pss_mib(session.client, name) for name in floor.containers)
    total = sum(services.values())
    prefix = f"{tenant.target().log_container.rpartition('-')[0]}-"
    figures = [Figure("whole tenant", total, "MiB", aim=AIM), Figure("of it above the floor", total - bare, "MiB")]
    figures += [
        Figure(name.removeprefix(prefix), value, "MiB") for name, value in sorted(services.items(), key=_largest)
    ]
    return Result(
        "memory",
        "Idle memory of a tenant",
        "Sum of the proportional set sizes (PSS) of all processes in the tenant's containers, after the first login "
        f"and before any mail. The bare pair, measured the same way: {bare:.0f} MiB.",
        tuple(figures),
    )


def _largest(item: tuple[str, float]) -> float:
    return -item[1]
