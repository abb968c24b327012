"""`mailtenant nodes` for a tenant with IPv6: every mail server gets an address of both kinds, or nothing changes."""

from pathlib import Path

import pytest

from mailtenant.settings import load_stack_file
from tests.unit.cli.conftest import Cli
from tests.unit.cli.test_new import environment_of


def test_a_further_mail_server_of_a_tenant_with_ipv6_needs_an_ipv6_address(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = environment_of(project.parent / "backend")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
        monkeypatch.setenv(name, environment[name])
    made = cli("new", "acme", "--domain", "acme.test", "--embedded", "--edge-address6", "fd00:99::10", "--json")
    assert made.code == 0 and made.json["edge"]["address6"] == "fd00:99::10"
    path = project / "stacks" / "Pulumi.acme.yaml"
    before = path.read_text()
    refused = cli("nodes", "acme", "--smtp", "2", "--address", "10.99.200.2")
    assert refused.code == 1 and "2 mail servers need 1 further IPv6 addresses" in refused.err
    assert path.read_text() == before
    done = cli("nodes", "acme", "--smtp", "2", "--address", "10.99.200.2", "--address6", "fd00:99::20", "--json")
    assert done.code == 0, done.err
    assert (done.json["smtp"], done.json["names"]) == (2, ["mx2.acme.outboxment.test"])
    first, second = load_stack_file(path).settings.smtp_nodes
    assert [str(first.address6), str(second.address6)] == ["fd00:99::10", "fd00:99::20"]
