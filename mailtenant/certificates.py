"""Certificates of mode `local`: an own CA and the host's certificate; and what makes a chain fit to serve.

Ten years, since this mode is for laptops and tests, where nobody renews.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=3650)


class CertificateError(ValueError):
    """Why a PEM text is not usable, without the text."""


@dataclass(frozen=True)
class LocalCertificates:
    """PEM texts: the CA and its key, the host's certificate and its key."""

    ca: str
    ca_key: str
    chain: str
    key: str


def make_local_certificates(label: str, host: str, now: datetime) -> LocalCertificates:
    """A fresh CA and a host certificate signed by it, both EC P-256, valid from an hour before `now`."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"mailtenant {label[:40]} local CA")])
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    key, chain = _sign([host], ca, ca_key, now)
    return LocalCertificates(_pem(ca), _key_pem(ca_key), chain, key)


def renew_host_certificate(host: str, ca_pem: str, ca_key_pem: str, now: datetime) -> tuple[str, str]:
    """A new key and certificate for the host under the CA that clients already trust: (key PEM, chain PEM)."""
    return _sign([host], load_certificate(ca_pem), _load_ca_key(ca_key_pem), now)


def issue_web_certificate(names: Sequence[str], ca_pem: str, ca_key_pem: str, now: datetime) -> tuple[str, str]:
    """A new key and one certificate for all web names, the tenant host first: (key PEM, chain PEM).

    Raises: CertificateError
    """
    return _sign(names, load_certificate(ca_pem), _load_ca_key(ca_key_pem), now)


def _load_ca_key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError("the CA's key is not an EC key")
    return key


def _sign(
    names: Sequence[str], ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, now: datetime
) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    # Clients read the SAN (RFC 9525 §6.3); the common name is for people.
    certificate = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), ca.subject, key.public_key(), now)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    return _key_pem(key), _pem(certificate)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def load_chain(pem: str) -> list[x509.Certificate]:
    """Certificates of a PEM text, the leaf first.

    Raises: CertificateError
    """
    if "PRIVATE KEY" in pem:
        raise CertificateError("holds a private key, which must not be in clear")
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("is not a certificate in PEM form") from None


def load_certificate(pem: str) -> x509.Certificate:
    """Raises: CertificateError"""
    chain = load_chain(pem)
    if len(chain) != 1:
        raise CertificateError(f"holds {len(chain)} certificates, where one is wanted")
    return chain[0]


def chain_faults(chain_pem: str, ca_pem: str, host: str) -> Iterator[str]:
    """What keeps a client that trusts the CA from accepting the chain for `host`, at any time. Both texts parse."""
    leaf, *between = load_chain(chain_pem)
    ca = load_certificate(ca_pem)
    try:
        for certificate, issuer in zip([leaf, *between], [*between, ca], strict=True):
            certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        yield "is not signed by the CA in `tls.ca`"
    if host not in _names(leaf):
        yield "is not for the tenant's host name"


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return names.get_values_for_type(x509.DNSName)


def chain_period(chain_pem: str, ca_pem: str) -> tuple[datetime, datetime]:
    """From when until when every certificate of the chain is valid (UTC)."""
    certificates = [*load_chain(chain_pem), load_certificate(ca_pem)]
    return (
        max(c.not_valid_before_utc for c in certificates).astimezone(UTC),
        min(c.not_valid_after_utc for c in certificates).astimezone(UTC),
    )
