"""Two tenants side by side share nothing but what is named (behaviour 35, promises 1, 3, 23, 71)."""

import imaplib
import json
import smtplib
import uuid
from typing import Any

import pytest

from mailtenant.dns import local_zones
from mailtenant.rendering import render_tenant
from tests.world.tenants import RunningTenant, message, outputs

SERVICES = ("edge", "smtp", "imap", "filter", "cache", "resolver", "database", "dns", "web")


def inspect(tenant: RunningTenant, *names: str) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(tenant.docker("inspect", *names).stdout)
    return answer


def test_credentials_do_not_cross(alpha: RunningTenant, beta: RunningTenant) -> None:
    jo = alpha.mailbox("jo")
    with pytest.raises(imaplib.IMAP4.error), beta.imap(jo):
        pass
    with pytest.raises(smtplib.SMTPAuthenticationError), beta.submission(jo):
        pass


def test_containers_volumes_and_networks_do_not_cross(alpha: RunningTenant, beta: RunningTenant) -> None:
    def held(tenant: RunningTenant) -> set[str]:
        found = inspect(tenant, *(tenant.container(service) for service in SERVICES))
        names = {c["Id"] for c in found} | {m["Name"] for c in found for m in c["Mounts"] if m["Type"] == "volume"}
        assert not [m for c in found for m in c["Mounts"] if m["Type"] == "bind"], "a folder of the host is mounted"
        return names | {n["NetworkID"] for c in found for n in c["NetworkSettings"]["Networks"].values()}

    shared = held(alpha) & held(beta)
    edge_network = inspect(alpha, alpha.settings.edge.network)[0]["Id"]
    assert shared == {edge_network}, "only the edge network, which stands for the internet, is shared"


def test_every_container_is_run_with_least_privilege(alpha: RunningTenant) -> None:
    for container in inspect(alpha, *(alpha.container(service) for service in SERVICES)):
        host, name = container["HostConfig"], container["Name"]
        assert host["ReadonlyRootfs"] is not name.endswith("-edge"), name
        assert "no-new-privileges" in host["SecurityOpt"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["Privileged"], name
        assert host["Memory"] > 0, name
        assert host["MemorySwap"] == host["Memory"], name
        assert host["CpuShares"] > 0, name
        assert host["LogConfig"]["Config"]["max-size"], name
        assert container["Config"]["Labels"]["mailtenant.tenant"] == "alpha", name


def test_no_secret_is_in_an_environment_or_a_command_line(alpha: RunningTenant) -> None:
    shown = alpha.pulumi("config", "--show-secrets", "--json").stdout
    secrets = leaves(json.loads(json.loads(shown)["mailtenant:secrets"]["value"]))
    assert len(secrets) >= 7
    seen = json.dumps(inspect(alpha, *(alpha.container(service) for service in SERVICES)))
    seen += "".join(alpha.docker("top", alpha.container(service), "-eo", "pid,args").stdout for service in SERVICES)
    seen += "".join(alpha.logs(service) for service in SERVICES)
    seen += alpha.pulumi("stack", "output", "--json").stdout + alpha.pulumi("stack", "export").stdout
    seen += alpha.pulumi("preview", "--diff").stdout
    plain = [secret for secret in secrets if secret in seen or secret.replace("\n", "\\n") in seen]
    assert not plain


def leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [leaf for child in value.values() for leaf in leaves(child)]
    return [str(value).strip()]


def test_a_database_role_opens_only_its_own_database(alpha: RunningTenant, beta: RunningTenant) -> None:
    beta_database = beta.settings.internal_address("database")
    dial = f"timeout 5 bash -c 'exec 3<>/dev/tcp/{beta_database}/5432' 2>/dev/null && echo open || echo closed"
    assert alpha.execute("imap", "bash", "-c", dial).strip() == "closed"
    own = alpha.settings.internal_address("database")
    assert alpha.execute("imap", "bash", "-c", dial.replace(beta_database, own)).strip() == "open"
    query = "\\pset tuples_only\\\\ SELECT count(*) FROM mailboxes"
    command = ["psql", "-h", own, "-U", "mailreader", "-d", "mail", "-c", query]
    password = alpha.execute("database", "cat", "/run/secrets-in/reader.password").strip()
    done = alpha.docker("exec", "-e", "PGPASSWORD", alpha.container("database"), *command, check=False)
    assert done.returncode != 0
    assert password not in done.stderr


@pytest.mark.parametrize("port", [24, 53, 5432, 6379, 10587, 11332, 12345])
def test_a_neighbour_on_the_edge_network_reaches_no_inner_port(
    alpha: RunningTenant, beta: RunningTenant, port: int
) -> None:
    address = beta.settings.edge.address
    dial = f"timeout 5 bash -c 'exec 3<>/dev/tcp/{address}/{port}' 2>/dev/null && echo open || echo closed"
    expected = "open" if port == 53 else "closed"  # 53 is beta's own authoritative server, which the world asks.
    assert alpha.execute("imap", "bash", "-c", dial).strip() == expected


def test_no_rendered_file_names_the_other_tenant(alpha: RunningTenant, beta: RunningTenant) -> None:
    for own, other in ((alpha, beta), (beta, alpha)):
        foreign = [
            other.label,
            other.domain,
            str(other.settings.edge.address),
            str(other.settings.internal.subnet),
            other.publish,
        ]
        for file in render_tenant(own.settings, zones=local_zones(own.settings)):
            assert not [name for name in foreign if name in file.content], file.path


def test_a_second_tenants_up_changes_nothing_in_the_first(alpha: RunningTenant, beta: RunningTenant) -> None:
    before = {
        c["Name"]: (c["Id"], c["State"]["StartedAt"]) for c in inspect(alpha, *(alpha.container(s) for s in SERVICES))
    }
    beta.docker("rm", "-f", beta.container("cache"))
    beta.pulumi("refresh", "--yes", "--skip-preview")
    beta.up()
    after = {
        c["Name"]: (c["Id"], c["State"]["StartedAt"]) for c in inspect(alpha, *(alpha.container(s) for s in SERVICES))
    }
    assert before == after
    assert set(outputs(alpha)["addresses"]).isdisjoint(outputs(beta)["addresses"])


def test_tenant_to_tenant_mail_arrives_with_the_senders_own_address_and_spf_pass(
    alpha: RunningTenant, beta: RunningTenant
) -> None:
    jo, bea, token = alpha.mailbox("jo"), beta.mailbox("bea"), uuid.uuid4().hex
    with alpha.submission(jo) as client:
        client.send_message(message(jo.address, bea.address, token))
    head = beta.wait_for(bea, token).decode().split("\r\n\r\n")[0].replace("\r\n\t", " ").replace("\r\n ", " ")
    assert f"[{alpha.settings.edge.address}]" in head
    results = next(line for line in head.split("\r\n") if line.startswith("Authentication-Results:"))
    for verdict in ("spf=pass", "dkim=pass", "dmarc=pass"):
        assert verdict in results
