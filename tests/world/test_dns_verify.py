"""What a running tenant publishes, asked for by `mailtenant dns verify` and judged by libraries of others."""

import socket
import ssl
import uuid
from http.client import HTTPSConnection

import checkdmarc.mta_sts
import checkdmarc.smtp_tls_reporting
import dns.message
import dns.query
import dns.rdatatype
import pytest
import spf

from mailtenant.settings import load_stack_file
from tests.world.tenants import RunningTenant, eventually, message


def ask(tenant: RunningTenant, name: str, type_: str) -> list[str]:
    """The tenant's own server, over the network of the world."""
    query = dns.message.make_query(name, type_)
    answer = dns.query.udp(query, str(tenant.settings.edge.address), timeout=5)
    return [rdata.to_text() for one in answer.answer for rdata in one if one.rdtype == dns.rdatatype.from_text(type_)]


def test_all_is_as_planned_right_after_up(beta: RunningTenant) -> None:
    done = beta.cli("dns", "verify", "beta", "--wait", "30")
    assert "✗" not in done.stdout and "belongs to the private key in use" in done.stdout
    assert "SPF of beta.test" in done.stdout


def test_another_plan_than_the_published_one_is_told_apart(beta: RunningTenant) -> None:
    before = beta.stack_file.read_text()
    try:
        beta.stack_file.write_text(before.replace("policy: none", "policy: reject"))
        assert load_stack_file(beta.stack_file).settings.dmarc.policy == "reject"
        done = beta.cli("dns", "verify", "beta", check=False)
        assert done.returncode == 1 and "_dmarc.beta.test TXT" in done.stdout and "✗" in done.stdout
    finally:
        beta.stack_file.write_text(before)


@pytest.fixture(scope="module")
def served(beta: RunningTenant) -> RunningTenant:
    beta.cli("web-certificate", "beta", "--mta-sts", "testing", "--autoconfig")
    beta.up()
    eventually(lambda: beta.cli("dns", "verify", "beta", check=False).returncode == 0, what="the web host")
    return beta


def fetch(tenant: RunningTenant, host: str, path: str, body: str | None = None) -> tuple[int, str, str]:
    connection = HTTPSConnection(tenant.publish, 443, timeout=20, context=tenant.tls())
    connection.sock = tenant.tls().wrap_socket(_connect(tenant, 443), server_hostname=host)
    connection.request("POST" if body else "GET", path, body, {"Host": host})
    answer = connection.getresponse()
    return answer.status, answer.headers.get_content_type(), answer.read().decode()


def test_the_policy_is_what_a_library_of_others_reads_and_names_the_mx(served: RunningTenant) -> None:
    status, kind, text = fetch(served, "mta-sts.beta.test", "/.well-known/mta-sts.txt")
    assert (status, kind) == (200, "text/plain")
    policy = checkdmarc.mta_sts.parse_mta_sts_policy(text)["policy"]
    assert policy["mode"] == "testing" and policy["mx"] == [served.settings.host]
    (record,) = ask(served, "_mta-sts.beta.test", "TXT")
    assert checkdmarc.mta_sts.parse_mta_sts_record(record.strip('"'))["tags"]["id"]


def test_only_the_tenants_own_ca_vouches_for_it(served: RunningTenant) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(_connect(served, 443), server_hostname="mta-sts.beta.test")


def test_thunderbird_finds_its_settings(served: RunningTenant) -> None:
    status, _, text = fetch(served, "autoconfig.beta.test", "/mail/config-v1.1.xml?emailaddress=a@beta.test")
    assert status == 200 and f"<hostname>{served.settings.host}</hostname>" in text and "<port>993</port>" in text


def test_outlook_finds_its_settings(served: RunningTenant) -> None:
    asked = "<Autodiscover><Request><EMailAddress>a@beta.test</EMailAddress></Request></Autodiscover>"
    status, _, text = fetch(served, "autodiscover.beta.test", "/autodiscover/autodiscover.xml", asked)
    assert status == 200 and f"<Server>{served.settings.host}</Server>" in text


def test_mail_goes_on_beside_it(served: RunningTenant) -> None:
    jo, token = served.mailbox("jo"), uuid.uuid4().hex
    with served.submission(jo) as client:
        client.send_message(message(jo.address, jo.address, token))
    served.wait_for(jo, token)


def test_spf_of_the_egress_address_passes_at_an_independent_judge(beta: RunningTenant) -> None:
    """pyspf asks this test's own lookups, which go to the tenant's server."""

    def lookup(name: str, type_: str, *_: object, **__: object) -> list[tuple[tuple[str, str], object]]:
        values = ask(beta, name, type_)
        if type_ == "TXT":
            return [((name, type_), (value.strip('"').encode(),)) for value in values]
        return [((name, type_), value) for value in values]

    original, spf.DNSLookup = spf.DNSLookup, lookup
    try:
        address = str(beta.settings.edge.address)
        assert spf.check2(i=address, s="jo@beta.test", h=beta.settings.host)[0] == "pass"
        assert spf.check2(i="192.0.2.1", s="jo@beta.test", h="elsewhere.test")[0] in ("softfail", "fail")
    finally:
        spf.DNSLookup = original


def _connect(tenant: RunningTenant, port: int) -> socket.socket:
    return socket.create_connection((tenant.publish, port), timeout=20)
