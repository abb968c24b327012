"""DKIM keys behind aliases: what the domain holds, and who must serve what before a key signs."""

import pytest

from mailtenant.dns.key_lookup import key_results
from mailtenant.dns.lookup import Answers
from mailtenant.dns.managed import planned_records
from mailtenant.dns.planner import plan
from mailtenant.dns.verify import Seen

from .examples import ZONE, tenant

NAME, TARGET = f"mt1._domainkey.{ZONE}", f"mt1.{ZONE}.dkim.acme.outboxment.test"


def server(name: str, held: dict[tuple[str, str], Seen], *, recursive: bool = False) -> Answers:
    made = Answers("127.0.0.1", name, recursive=recursive)
    made._known.update(held)
    made._silent = True  # what is not in `held` is not asked for
    return made


def test_the_domain_points_to_this_key_and_to_the_next_one() -> None:
    made = plan(tenant(dkim_mode="cname"))
    assert not [finding for finding in made.findings if finding.level == "E"]
    aliases = {r.name: r.value for r in made.records if r.type == "CNAME" and "_domainkey" in r.name}
    assert aliases == {NAME: TARGET, NAME.replace("mt1", "mt2"): TARGET.replace("mt1", "mt2")}
    keys = {r.name: r.value for r in made.records if r.type == "TXT" and ".dkim." in r.name}
    assert keys[TARGET].startswith("v=DKIM1; k=rsa; p=MI") and keys[TARGET.replace("mt1", "mt2")].endswith("p=")


@pytest.mark.parametrize(
    ("alias", "key", "through", "wrong"),
    [
        (TARGET, True, True, []),
        ("", True, True, ["ns of the domain"]),
        ("elsewhere.example", True, True, ["ns of the domain"]),
        (TARGET, False, True, ["ns of the platform"]),
        (TARGET, True, False, ["resolver"]),
    ],
)
def test_a_key_is_served_when_alias_key_and_the_way_between_are(
    alias: str, key: bool, through: bool, wrong: list[str]
) -> None:
    settings = tenant(dkim_mode="cname")
    (domain,) = settings.domains
    text = next(r.value for r in planned_records(settings) if r.name == TARGET)
    served = Seen((text,), 300)
    resolver = server("resolver", {(NAME, "TXT"): served if through else Seen()}, recursive=True)
    zone = [server("ns of the domain", {(NAME, "CNAME"): Seen((alias,) if alias else ())}), resolver]
    platform = [server("ns of the platform", {(TARGET, "TXT"): served if key else Seen()}), resolver]
    found = list(key_results(settings, domain, domain.active, domain.active.public_key, zone, platform))
    assert [result.server for result in found if not result.ok] == wrong and len(found) == 3
