"""DKIM keys: making a pair, and the public half as the record wants it (RFC 6376 §3.6.1, RFC 8463 §4)."""

import base64
import binascii
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
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
Algorithm = Literal["rsa", "ed25519"]


class PublicKeyError(ValueError):
    """Why a public key is not usable, without the key."""


def generate_private_key(algorithm: Algorithm = "rsa") -> str:
    """A new key as PEM (PKCS#8, not encrypted)."""
    if algorithm == "ed25519":
        new: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey = ed25519.Ed25519PrivateKey.generate()
    else:
        new = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return new.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_half(private_pem: str) -> str:
    """The `p=` value of a private key: base64 of its SubjectPublicKeyInfo, for Ed25519 of the bare 32 octets."""
    public = load_pem_private_key(private_pem.encode(), password=None).public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return base64.b64encode(public.public_bytes_raw()).decode()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def filters_key(private_pem: str) -> str:
    """The key file as rspamd reads it: RSA as PEM; Ed25519 as base64 of the bare 32 octets.

    A PEM of Ed25519 it takes for an RSA key and cannot sign with it (tried: 3.12.1). What is no key stays as it is: the
    filter then defers, and says so.
    """
    try:
        key = load_pem_private_key(private_pem.encode(), password=None)
    except ValueError:
        return private_pem
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return base64.b64encode(key.private_bytes_raw()).decode() + "\n"
    return private_pem


def check_public_key(text: str, algorithm: Algorithm = "rsa") -> int:
    """Bits of the key in a `p=` value (DKIM-2: RSA of 2048 to 4096; DKIM-3: Ed25519 of 32 octets).

    Raises: PublicKeyError
    """
    if algorithm == "ed25519":
        return _check_ed25519(text)
    bits = rsa_bits(text)
    if not KEY_BITS <= bits <= MOST_BITS:
        raise PublicKeyError(f"has {bits} bits, where {KEY_BITS} to {MOST_BITS} are wanted")
    return bits


def rsa_bits(text: str) -> int:
    """Bits of an RSA key of any size.

    Raises: PublicKeyError
    """
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise PublicKeyError("is not a public key in base64") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise PublicKeyError("is not an RSA key")
    return key.key_size


def _check_ed25519(text: str) -> int:
    try:
        octets = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise PublicKeyError("is not a public key in base64") from None
    if len(octets) != 32:
        raise PublicKeyError(f"has {len(octets)} octets, where an Ed25519 key has 32")
    return 256
