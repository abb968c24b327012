"""A `pulumi up` that has nothing to do: our program against one of the same size without code of ours."""

from bench.commands import timed
from bench.plain_program import PlainProgram, resource_counts
from bench.results import Aim, Figure, Result
from bench.session import Session
from bench.statistics import compare, interleaved

AIM = Aim("at most", 2)


def measure(session: Session) -> Result:
    """Both stacks are up and unchanged; each round runs both."""
    tenant = session.started().tenant
    counts = resource_counts(tenant.pulumi("stack", "export"))
    session.say(f"noop: a plain program with {sum(counts.values())} resources")
    with PlainProgram(session.client, tenant.environment, counts) as plain:
        # Settles both: the first run after a change may still write bytecode and state.
        tenant.up()
        plain.up()
        ours, bare = interleaved(2 if session.quick else 5, lambda: timed(tenant.up), lambda: timed(plain.up))
    compared = compare(ours, bare)
    figure = Figure("no-op `pulumi up`", compared.value, "s", compared.baseline, compared.ratio, compared.spread, AIM)
    listed = ", ".join(f"{number} {kind.rsplit(':', 1)[-1]}" for kind, number in sorted(counts.items()))
    return Result(
        "noop",
        "A `pulumi up` with nothing to do",
        "`pulumi up --skip-preview` of a tenant that is up.",
        (figure,),
        baseline=f"a few lines with the same Docker resources ({listed}) and the same provider, nothing else.",
    )
