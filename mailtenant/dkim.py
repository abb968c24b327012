"""DKIM keys: making a pair, and the public half as the record wants it (RFC 6376 §3.6.1)."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

KEY_BITS = 2048
MOST_BITS = 4096


class PublicKeyError(ValueError):
    """Why a public key is not usable, without the key."""


def generate_private_key() -> str:
    """A new RSA key as PEM (PKCS#8, not encrypted)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_half(private_pem: str) -> str:
    """The `p=` value that belongs to a private key: base64 of its SubjectPublicKeyInfo."""
    key = load_pem_private_key(private_pem.encode(), password=None)
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def check_public_key(text: str) -> int:
    """Bits of the RSA key in a `p=` value (DKIM-2: 2048 to 4096).

    Raises: PublicKeyError
    """
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise PublicKeyError("is not a public key in base64") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise PublicKeyError("is not an RSA key")
    if not KEY_BITS <= key.key_size <= MOST_BITS:
        raise PublicKeyError(f"has {key.key_size} bits, where {KEY_BITS} to {MOST_BITS} are wanted")
    return key.key_size
