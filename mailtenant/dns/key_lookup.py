"""Whether a DKIM key is served: by every authoritative server and through the resolvers, behind an alias or not."""

from collections.abc import Iterator, Sequence

from mailtenant.dns.dkim import delegated_name
from mailtenant.dns.lookup import Answers
from mailtenant.dns.verify import Result, judge_key
from mailtenant.settings import Domain, TenantSettings
from mailtenant.settings.dns import DomainKey


def key_results(
    settings: TenantSettings,
    domain: Domain,
    key: DomainKey,
    public: str,
    zone: Sequence[Answers],
    platform: Sequence[Answers],
) -> Iterator[Result]:
    """One result a server. `zone` serves the domain, `platform` the tenant host's zone; resolvers are among both.

    With `dkim_mode: cname` the domain's servers must have the alias (they need not follow it), the platform's the key,
    and the resolvers, as receivers do, get from the one to the other. `public` is what must be published (base64).
    """
    name = f"{key.selector}._domainkey.{domain.name}"
    if domain.dkim_mode == "txt":
        for server in zone:
            yield _judged(domain, key, public, name, server)
        return
    target = delegated_name(settings, domain.name, key.selector)
    for server in zone:
        yield _judged(domain, key, public, name, server) if server.recursive else _alias(name, target, server)
    for server in platform:
        if not server.recursive:
            yield _judged(domain, key, public, target, server)


def _judged(domain: Domain, key: DomainKey, public: str, name: str, server: Answers) -> Result:
    seen = server.ask(name, "TXT")
    if seen.problem:
        fix = "ask again; or see whether the server is reachable"
        return Result(f"DKIM key {key.selector} of {domain.name}", server.name, "unknown", seen.problem, fix)
    return judge_key(domain.name, key.selector, seen.values, public, server.name)


def _alias(name: str, target: str, server: Answers) -> Result:
    seen = server.ask(name, "CNAME")
    subject = f"{name} CNAME"
    if seen.problem:
        return Result(
            subject, server.name, "unknown", seen.problem, "ask again; or see whether the server is reachable"
        )
    if [value.lower() for value in seen.values] == [target]:
        return Result(subject, server.name, "ok", "leads to the platform's zone")
    said = f"leads to {', '.join(seen.values)}" if seen.values else "is not there"
    return Result(subject, server.name, "wrong", said, f"point it to {target}")
