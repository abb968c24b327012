"""The web host: its certificate, its texts, and what switching it on needs."""

from typing import Any
from xml.etree import ElementTree

import pytest
from cryptography import x509

from mailtenant.certificates import chain_faults, issue_web_certificate, load_chain
from mailtenant.dns import policies
from mailtenant.rendering import render_tenant
from mailtenant.rendering.filters import UnsafeValue, nginx
from mailtenant.secrets import SecretsError, parse_secrets, secret_files
from mailtenant.settings import TenantSettings, parse_settings
from mailtenant.settings.errors import SettingsErrors
from mailtenant.web import web
from tests.samples import NOW, certificates, document, names_of, secrets_document, settings

HOST = "acme.outboxment.test"


def web_tenant(*, certified: tuple[str, ...] = ("acme.test",), **domain: Any) -> tuple[TenantSettings, str]:
    made = certificates(HOST)
    names = [HOST, *(f"{kind}.{name}" for name in certified for kind in ("mta-sts", "autoconfig", "autodiscover"))]
    key, chain = issue_web_certificate(names, made.ca, made.ca_key, NOW)
    plain = document()
    plain["tls"]["web_chain"] = chain
    plain["domains"][0] |= domain
    return parse_settings(plain, stack="acme"), key


def test_the_web_certificate_is_for_every_web_name_and_signed_by_the_tenants_ca() -> None:
    tenant, _ = web_tenant()
    chain = tenant.tls.web_chain
    assert chain is not None
    assert not [fault for name in names_of(tenant) for fault in chain_faults(chain, tenant.tls.ca, name)]
    names = load_chain(chain)[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == list(names_of(tenant))


def test_a_tenant_without_web_certificate_has_no_web_host() -> None:
    tenant = settings()
    assert not tenant.has_web_host
    assert "web" not in {file.service for file in render_tenant(tenant)}
    assert ("tlsWebKey",) not in tenant.secret_leaves()


@pytest.mark.parametrize("switch", [{"mta_sts": "testing"}, {"autoconfig": True}])
def test_switching_on_without_web_certificate_is_refused(switch: dict[str, Any]) -> None:
    plain = document()
    plain["domains"][0] |= switch
    with pytest.raises(SettingsErrors, match="web_chain"):
        parse_settings(plain, stack="acme")


def test_a_web_certificate_for_other_domains_is_refused() -> None:
    with pytest.raises(SettingsErrors, match="not covered"):
        web_tenant(certified=("elsewhere.test",), mta_sts="testing")


def test_the_policy_names_the_tenants_mx_and_ends_each_line_by_crlf() -> None:
    tenant, _ = web_tenant(mta_sts="testing")
    assert policies(tenant)["acme.test"] == (f"version: STSv1\r\nmode: testing\r\nmx: {HOST}\r\nmax_age: 86400\r\n")


def test_only_what_is_switched_on_is_served() -> None:
    tenant, _ = web_tenant(mta_sts="testing")
    assert web(tenant, policies(tenant)).names == (HOST, "mta-sts.acme.test")


def test_client_configuration_offers_implicit_tls_first() -> None:
    tenant, _ = web_tenant(autoconfig=True)
    root = ElementTree.fromstring(web(tenant, policies(tenant)).autoconfig)  # noqa: S314 - our own text
    assert [port.text for port in root.iter("port")] == ["993", "465", "587"]


def test_the_web_key_is_missed_where_there_is_a_web_certificate() -> None:
    tenant, key = web_tenant(autoconfig=True)
    without = {name: value for name, value in secrets_document(tenant).items() if name != "tlsWebKey"}
    with pytest.raises(SecretsError, match="tlsWebKey"):
        secret_files(tenant, parse_secrets(without))
    files = secret_files(tenant, parse_secrets(without | {"tlsWebKey": key}))
    assert files["web"]["web.key"].get_secret_value() == key


def test_an_nginx_string_lets_no_variable_through() -> None:
    assert nginx('a"\\\r\n') == '"a\\"\\\\\\r\\n"'
    with pytest.raises(UnsafeValue):
        nginx("$document_root")
