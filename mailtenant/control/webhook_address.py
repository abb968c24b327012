"""What may be a webhook's address and signing secret: of customers, and of operators."""

import base64
import ipaddress
from urllib.parse import urlsplit

import httpx


def is_webhook(url: str) -> bool:
    """https, or http to this very machine; and an address that the sender's client takes."""
    try:
        httpx.URL(url)
        parts = urlsplit(url)
        if parts.port == 0:
            return False
        if parts.scheme == "https":
            return bool(parts.hostname) and url.isprintable() and " " not in url
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except (ValueError, httpx.InvalidURL):
        return False


def is_signing_secret(secret: str) -> bool:
    """What stands behind `whsec_` is base64 (standardwebhooks.com), without which no message could be signed."""
    if not secret.startswith("whsec_"):
        return True
    try:
        return bool(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except ValueError:
        return False
