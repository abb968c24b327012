"""What is planned, read by a library that did not make it."""

import checkdmarc.dmarc
import checkdmarc.mta_sts
import checkdmarc.smtp_tls_reporting

from mailtenant.dns.managed import planned_records
from mailtenant.dns.mta_sts import policies

from .examples import ZONE, held, tenant


def test_tls_reports_mta_sts_and_dmarc_parse() -> None:
    one = tenant()
    (first,) = one.domains
    changed = {"mta_sts": "testing", "tls_reports": ("mailto:tls@acme.com", "https://tls.example/v1")}
    one = one.model_copy(update={"domains": (first.model_copy(update=changed),)})
    existing = held((ZONE, "MX", "10 mx.old.example", 3600))
    texts = {r.name: r.value for r in planned_records(one, existing, "cutover") if r.type == "TXT"}
    reports = checkdmarc.smtp_tls_reporting.parse_smtp_tls_reporting_record(texts[f"_smtp._tls.{ZONE}"])
    assert reports["tags"]["rua"]["value"] == ["mailto:tls@acme.com", "https://tls.example/v1"]
    assert checkdmarc.mta_sts.parse_mta_sts_record(texts[f"_mta-sts.{ZONE}"])["tags"]["id"]
    policy = checkdmarc.mta_sts.parse_mta_sts_policy(policies(one, existing, "cutover")[ZONE])["policy"]
    assert policy["mx"] == [one.host, "mx.old.example"] and policy["mode"] == "testing"


def test_the_records_of_dmarc_parse() -> None:
    texts = {r.name: r.value for r in planned_records(tenant()) if r.type == "TXT"}
    for name in (f"_dmarc.{ZONE}", "_dmarc.acme.outboxment.test"):
        parsed = checkdmarc.dmarc.parse_dmarc_record(
            texts[name], name.removeprefix("_dmarc."), ignore_unrelated_records=True
        )
        assert parsed["tags"]["p"]["value"] in ("none", "reject")
