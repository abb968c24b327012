"""The secret half of a stack file: what each service gets, names that tell nothing, errors without values."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mailtenant.dkim import filters_key, generate_private_key, public_half
from mailtenant.rendering import SERVICES
from mailtenant.secrets import (
    SecretsError,
    dkim_keys,
    dkim_selectors,
    fingerprint,
    parse_secrets,
    secret_files,
)
from tests import samples


def test_each_service_gets_just_the_files_of_its_row() -> None:
    tenant = samples.web_settings()
    files = secret_files(tenant, samples.secrets(tenant))
    assert {name: set(found) for name, found in files.items()} == {
        name: {file.name for file in spec.secrets} for name, spec in SERVICES.items() if spec.secrets
    }


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40))
def test_the_password_file_gives_the_password_back(password: str) -> None:
    """As libpq reads it: `\\` protects the next character, `:` ends a field."""
    tenant = samples.settings()
    document = {**samples.secrets_document(tenant), "databaseReaderPassword": password}
    line = secret_files(tenant, parse_secrets(document))["smtp"]["pgpass"].get_secret_value().removesuffix("\n")
    fields, current, protected = [], "", False
    for character in line:
        if protected or character not in "\\:":
            current, protected = current + character, False
        elif character == "\\":
            protected = True
        else:
            fields, current = [*fields, current], ""
    assert [*fields, current] == [tenant.internal_address("database"), "5432", "mail", "mailreader", password]


def test_errors_name_the_path_and_never_the_value() -> None:
    tenant = samples.settings()
    document = samples.secrets_document(tenant)
    for broken in (
        {**document, "tlsKey": ["canary-value"]},
        {**document, "unknown": "canary-value"},
        {key: value for key, value in document.items() if key != "tlsKey"},
        "canary-value",
    ):
        with pytest.raises(SecretsError) as caught:
            parse_secrets(broken)
        assert "canary" not in str(caught.value)
        assert "mailtenant:secrets" in str(caught.value)


def test_a_missing_private_key_is_named_by_domain_and_selector() -> None:
    tenant = samples.settings()
    document = samples.secrets_document(tenant)
    document["dkim"] = {tenant.host: document["dkim"][tenant.host]}
    with pytest.raises(SecretsError, match=r"dkim\.acme\.test\.mt1"):
        dkim_keys(tenant, parse_secrets(document))


def test_the_signing_map_names_the_active_selector_of_each_domain() -> None:
    assert dkim_selectors(samples.settings()).splitlines() == ["acme.outboxment.test mt1", "acme.test mt1"]


def test_an_active_ed25519_key_signs_beside_the_rsa_one_and_a_pending_one_does_not() -> None:
    document = samples.document("acme", "acme.test")
    second = {"selector": "mt2", "state": "active", "algorithm": "ed25519", "public_key": "A" * 43 + "="}
    document["domains"][0]["dkim"] += [second, {**second, "selector": "mt3", "state": "pending"}]
    settings = samples.parse_settings(document, stack="acme")
    assert "acme.test mt1 mt2" in dkim_selectors(settings).splitlines()


@given(
    st.dictionaries(st.text(min_size=1), st.text(), max_size=4),
    st.dictionaries(st.text(min_size=1), st.text(), max_size=4),
)
def test_a_fingerprint_changes_with_the_files_and_only_then(one: dict[str, str], two: dict[str, str]) -> None:
    secrets = samples.secrets(samples.settings())

    def name(files: dict[str, str]) -> str:
        return fingerprint(secrets, {key: SecretStr(value) for key, value in files.items()})

    assert (name(one) == name(two)) == (one == two)


def test_a_fingerprint_cannot_be_guessed_without_the_key() -> None:
    tenant = samples.settings()
    files = {"x": SecretStr("y")}
    other = parse_secrets({**samples.secrets_document(tenant), "fingerprintKey": "another"})
    assert fingerprint(samples.secrets(tenant), files) != fingerprint(other, files)


def test_the_filter_gets_ed25519_keys_as_it_reads_them_and_rsa_keys_unchanged() -> None:
    rsa, second = generate_private_key(), generate_private_key("ed25519")
    assert filters_key(rsa) == rsa
    seed = base64.b64decode(filters_key(second))
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    assert base64.b64encode(public).decode() == public_half(second)
