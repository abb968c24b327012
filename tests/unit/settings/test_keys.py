"""Certificates and DKIM keys: what is made is what clients and DNS want, and what is not is named."""

import base64
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socketpair

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from mailtenant.certificates import (
    CertificateError,
    LocalCertificates,
    chain_faults,
    chain_period,
    load_certificate,
    load_chain,
    make_local_certificates,
    renew_host_certificate,
)
from mailtenant.dkim import PublicKeyError, check_public_key, generate_private_key, public_half

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOST = "acme.outboxment.test"


@pytest.fixture(scope="module")
def made() -> LocalCertificates:
    return make_local_certificates("acme", HOST, NOW)


def verify(chain: str, ca: str, host: str, at: datetime) -> None:
    """By an independent implementation of X.509 path validation."""
    builder = PolicyBuilder().store(Store([load_certificate(ca)])).time(at)
    leaf, *rest = load_chain(chain)
    builder.build_server_verifier(x509.DNSName(host)).verify(leaf, rest)


def test_a_client_that_trusts_the_ca_accepts_the_host_and_nobody_else(made: LocalCertificates) -> None:
    verify(made.chain, made.ca, HOST, NOW)
    with pytest.raises(VerificationError):
        verify(made.chain, made.ca, "globex.outboxment.test", NOW)
    with pytest.raises(VerificationError):
        verify(made.chain, make_local_certificates("acme", HOST, NOW).ca, HOST, NOW)


def test_it_lasts_ten_years(made: LocalCertificates) -> None:
    start, end = chain_period(made.chain, made.ca)
    assert start <= NOW
    assert timedelta(days=3649) < end - NOW < timedelta(days=3651)
    verify(made.chain, made.ca, HOST, NOW + timedelta(days=3649))
    with pytest.raises(VerificationError):
        verify(made.chain, made.ca, HOST, NOW + timedelta(days=3651))


def test_a_real_tls_handshake_works_with_it(tmp_path: Path) -> None:
    made = make_local_certificates("acme", HOST, datetime.now(UTC))
    pem = tmp_path / "pem"
    pem.write_text(made.key + made.chain + made.ca, encoding="utf-8")
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(pem)
    client_context = ssl.create_default_context(cadata=made.ca)
    ours, theirs = socketpair()

    def serve() -> None:
        with server_context.wrap_socket(theirs, server_side=True) as connection:
            connection.sendall(b"hello")

    thread = threading.Thread(target=serve)
    thread.start()
    with client_context.wrap_socket(ours, server_hostname=HOST) as connection:
        assert connection.recv(5) == b"hello"
        assert connection.version() == "TLSv1.3"
    thread.join(timeout=10)


def test_keys_are_p256_and_belong_to_their_certificates(made: LocalCertificates) -> None:
    for key_pem, certificate_pem in ((made.key, made.chain), (made.ca_key, made.ca)):
        key = load_pem_private_key(key_pem.encode(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.curve.name == "secp256r1"
        assert load_certificate(certificate_pem).public_key() == key.public_key()


def test_a_renewed_certificate_is_accepted_by_clients_that_trust_the_ca(made: LocalCertificates) -> None:
    later = NOW + timedelta(days=400)
    key, chain = renew_host_certificate(HOST, made.ca, made.ca_key, later)
    assert key != made.key
    verify(chain, made.ca, HOST, later)


def test_faults_of_a_chain_are_named(made: LocalCertificates) -> None:
    assert list(chain_faults(made.chain, made.ca, HOST)) == []
    assert list(chain_faults(made.chain, made.ca, "other.test")) == ["is not for the tenant's host name"]
    other = make_local_certificates("acme", HOST, NOW)
    assert list(chain_faults(made.chain, other.ca, HOST)) == ["is not signed by the CA in `tls.ca`"]
    assert list(chain_faults(made.ca, made.ca, HOST)) == ["is not for the tenant's host name"]


@pytest.mark.parametrize("pem", ["", "text", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "é"])
def test_what_is_no_certificate_is_refused(pem: str) -> None:
    with pytest.raises(CertificateError, match="not a certificate"):
        load_chain(pem)


def test_two_certificates_are_no_ca(made: LocalCertificates) -> None:
    with pytest.raises(CertificateError, match="2 certificates"):
        load_certificate(made.ca + made.chain)


def test_a_dkim_key_is_rsa_2048_and_its_public_half_fits_the_record() -> None:
    private = generate_private_key()
    assert private.startswith("-----BEGIN PRIVATE KEY-----")
    assert check_public_key(public_half(private)) == 2048


def _public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "not a public key"),
        ("%%%", "not a public key"),
        ("AAAA", "not a public key"),
        ("é", "not a public key"),
        (_public(ec.generate_private_key(ec.SECP256R1())), "not an RSA key"),
        (_public(rsa.generate_private_key(65537, 1024)), "1024 bits"),  # noqa: S505 - to see it refused
    ],
)
def test_what_is_no_public_key_for_dkim_is_refused(text: str, word: str) -> None:
    with pytest.raises(PublicKeyError, match=word):
        check_public_key(text)
