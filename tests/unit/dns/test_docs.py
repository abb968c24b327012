"""docs/dns.md shows what the code makes: the rules, a customer's sheet, and the four phases."""

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from mailtenant.dns.managed import planned_records
from mailtenant.dns.rules.catalogue import RULES
from mailtenant.dns.sheet import Row, rows
from mailtenant.settings.existing import PHASES, Phase
from tests import samples

from .examples import ZONE, held, tenant

PAGE = Path(__file__).resolve().parents[3] / "docs" / "dns.md"
OLD = held(
    (ZONE, "MX", "10 mx1.oldhost.example", 14400),
    (ZONE, "MX", "20 mx2.oldhost.example", 14400),
    (ZONE, "TXT", "v=spf1 include:_spf.oldhost.example -all", 3600),
    (f"_dmarc.{ZONE}", "TXT", "v=DMARC1; p=reject; rua=mailto:d@acme.com", 600),
    (ZONE, "TXT", "google-site-verification=abc", 3600),
)


def customers(phase: Phase) -> list[object]:
    one = tenant(leaving=["include:_spf.oldhost.example"], discovery=False)
    return [record for record in planned_records(one, OLD, phase) if record.owner == "customer"]


def table(found: Sequence[Row]) -> str:
    key = samples.public_half(samples.private_key())
    lines = ["| do | name in the form | type | old | new | TTL | why |", "|---|---|---|---|---|---|---|"]
    for row in found:
        ttl = f"{row.old_ttl} → {row.ttl}" if row.old_ttl and row.ttl and row.old_ttl != row.ttl else row.ttl or ""
        cells = (row.action, row.name_at_godaddy, row.type, row.old, row.new.replace(key, "MIIB…"), ttl, row.reason)
        lines.append(
            "| " + " | ".join(f"`{c}`" if i in (1, 3, 4) and c else str(c) for i, c in enumerate(cells)) + " |"
        )
    return "\n".join(lines)


def parts() -> dict[str, str]:
    rules = ["| id | | asks for | kept by |", "|---|---|---|---|"]
    rules += [f"| {key} | {rule.level} | {rule.text} | {rule.elsewhere or 'the plan'} |" for key, rule in RULES.items()]
    found = {"rules": "\n".join(rules), "sheet": table(rows(customers("adopted"), customers("additive")))}  # type: ignore[arg-type]
    steps = []
    for earlier, later in pairwise(PHASES):
        steps += [f"**{earlier} → {later}**", "", table(rows(customers(earlier), customers(later))), ""]  # type: ignore[arg-type]
    return found | {"phases": "\n".join(steps).rstrip()}


def test_the_page_shows_what_the_code_makes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, made in parts().items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        if os.environ.get("UPDATE_GOLDEN"):
            head, rest = text.split(begin)
            text = head + begin + made + end + rest.split(end, 1)[1]
            PAGE.write_text(text, encoding="utf-8")
        assert text.split(begin)[1].split(end)[0] == made, f"{name}: run with UPDATE_GOLDEN=1 and review it"
