"""Three reference tenants, whole: every rendered file and every record, as a reviewer would see them change.

Keys and certificates are made anew each run, so their text stands as a placeholder here.
"""

from pathlib import Path

import pytest

from mailtenant.dns import local_zones, policies, record_lines, records
from mailtenant.rendering import render_tenant
from mailtenant.settings import TenantSettings
from tests import samples
from tests.golden import assert_golden
from tests.unit.settings.test_nodes import nodes

GOLDEN = Path(__file__).parent / "golden"


def manual(name: str) -> dict[str, object]:
    return {**samples.document(name.partition(".")[0], name)["domains"][0], "dns": {"provider": "manual"}}


REFERENCES = {
    "small": lambda: samples.settings("small", "small.test"),
    "several": lambda: samples.settings(
        "several",
        "several.test",
        "several-two.test",
        size="medium",
        limits={"mailbox": {"hour": 50, "day": 500}, "domain": {"day": 5000}, "tenant": {"day": 20000}},
        tuning={"postfix": {"message_size_limit_mib": 25}, "dovecot": {"mail_max_userip_connections": 100}},
        dmarc={"policy": "quarantine", "reports": ["mailto:dmarc@several.test"]},
    ),
    "dual": lambda: samples.web_settings(
        "dual",
        "dual.test",
        edge={**samples.document("dual")["edge"], "address6": "fd00:99::4"},
        nodes=nodes("dual", 2, addresses6=["fd00:99::20", "fd00:99::21"]),
    ),
    "hosted": lambda: samples.settings(
        "hosted",
        platform="ssh://deploy@host.example.com",
        platform_dns={"provider": "manual"},
        edge={"network": "public", "address": "10.1.2.3"},
        publish=None,
        domains=[manual("hosted.example")],
    ),
}


def stable(text: str) -> str:
    """The text with this run's key in place of a fixed word."""
    public = samples.public_half(samples.private_key())
    for part in (public, *(public[at:] for at in range(0, len(public), 8) if len(public[at:]) > 100)):
        text = text.replace(part, "<public key>")
    return text


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_every_rendered_file(name: str) -> None:
    tenant: TenantSettings = REFERENCES[name]()
    files = [
        file
        for file in render_tenant(tenant, zones=local_zones(tenant), policies=policies(tenant))
        if not file.path.endswith(".zone")  # their records are below, without this run's keys
    ]
    text = "".join(f"==> {file.tree_path}\n{file.content.rstrip()}\n\n" for file in files)
    assert_golden(GOLDEN / f"{name}.files.txt", text)


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_every_record(name: str) -> None:
    planned = records(REFERENCES[name]())
    lines = [
        stable(f"{record.name} {record.ttl} {record.type} {record.value}  ; {record.reason}") for record in planned
    ]
    assert_golden(GOLDEN / f"{name}.records.txt", "\n".join(lines) + "\n")
    assert len(record_lines(planned)) == len(planned)
