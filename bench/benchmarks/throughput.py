"""End-to-end messages a second: submission with a login on 465 to readable in the INBOX on 993, tenant and floor."""

import os
from statistics import median

from bench.containers import cpu_seconds, log_count
from bench.load.delivery import Delivery, Mode, Plan, deliver
from bench.results import Aim, Figure, Result
from bench.session import Session
from bench.statistics import compare, interleaved
from bench.target import Target

AIM = Aim("at least", 0.7)
NONE = Aim("at most", 0)


MODES = (
    Mode("10 connections", Plan(2_000, 10), Plan(200, 10)),
    Mode("50 connections", Plan(2_000, 50), Plan(200, 50)),
    Mode("a login for every message", Plan(400, 10, login_each=True), Plan(60, 10, login_each=True)),
)


def measure(session: Session) -> Result:
    """Rounds of both sides in turn, after a warm-up that does not count."""
    tenant, floor = session.started().tenant.target(), session.floor()
    figures: list[Figure] = []
    own: list[float] = []
    broken = {tenant.name: [0, 0], floor.name: [0, 0]}
    for mode in MODES:
        plan = mode.quick if session.quick else mode.full
        sides = _rounds(session, tenant, floor, mode, plan)
        figures += _figures(mode.name, *sides)
        for target, deliveries in zip((tenant, floor), sides, strict=True):
            broken[target.name][0] += sum(one.lost for one in deliveries)
            broken[target.name][1] += sum(one.doubled for one in deliveries)
            own += [one.generator_cpu / one.readable for one in deliveries]
    for target in (tenant, floor):
        lost, doubled = broken[target.name]
        deferred = log_count(session.client, target.log_container, b"status=deferred")
        aim = NONE if target is tenant else None
        figures += [
            Figure(f"{target.name}: messages deferred", deferred, "", aim=aim),
            Figure(f"{target.name}: messages lost", lost, "", aim=aim),
            Figure(f"{target.name}: messages doubled", doubled, "", aim=aim),
        ]
    share = median(own) / (os.cpu_count() or 1)
    return Result(
        "throughput",
        "Throughput",
        "Messages of 5 kB from a login on 465, through owner check, DKIM signature, SQL lookups and LMTP, to readable "
        f"in the INBOX on 993. {len(tenant.mailboxes)} mailboxes send to each other, on published loopback ports.",
        tuple(figures),
        baseline="a bare Postfix and Dovecot of the same Debian packages: flat-file users with the same ARGON2ID hash, "
        "Maildir, unix sockets, same kind of key; no filter, no SQL, no DKIM (`bench/images/floor`).",
        notes=(f"The load generator used {share:.1%} of the machine's processors (median of all rounds).",),
    )


def _rounds(
    session: Session, tenant: Target, floor: Target, mode: Mode, plan: Plan
) -> tuple[list[Delivery], list[Delivery]]:
    def side(target: Target, plan: Plan) -> Delivery:
        done = deliver(target, plan, lambda: cpu_seconds(session.client, target.containers))
        session.say(f"throughput: {mode.name}, {target.name}: {done.rate:.0f}/s, {done.server_cpu_ms:.1f} ms CPU each")
        return done

    warm = Plan(max(20, plan.messages // 10), plan.connections, plan.login_each)
    side(tenant, warm)
    side(floor, warm)
    return interleaved(2 if session.quick else 5, lambda: side(tenant, plan), lambda: side(floor, plan))


def _figures(name: str, tenant: list[Delivery], floor: list[Delivery]) -> list[Figure]:
    rate = compare([one.rate for one in tenant], [one.rate for one in floor])
    accepted = compare([one.accepted_rate for one in tenant], [one.accepted_rate for one in floor])
    cpu = compare([one.server_cpu_ms for one in tenant], [one.server_cpu_ms for one in floor])
    return [
        Figure(f"{name}: readable", rate.value, "/s", rate.baseline, rate.ratio, rate.spread, AIM),
        Figure(f"{name}: accepted", accepted.value, "/s", accepted.baseline, accepted.ratio, accepted.spread),
        Figure(f"{name}: server CPU a message", cpu.value, "ms", cpu.baseline, cpu.ratio, cpu.spread),
    ]
