"""The published demo passphrase: which stack files are encrypted with it, and where that is all right."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailtenant.settings.errors import Problem
from mailtenant.settings.model import TenantSettings
from mailtenant.settings.stackfile import StackFile

PASSPHRASE_FILE: Final = Path(__file__).resolve().parents[2] / "stacks" / "demo-passphrase.txt"
_ROUNDS: Final = 1_000_000


def may_be_demo(settings: TenantSettings) -> bool:
    """Whether a published passphrase does no harm: a local engine, and only names that exist nowhere (RFC 6761)."""
    names = [settings.platform_domain, *(domain.name for domain in settings.domains)]
    return settings.platform == "docker" and all(name.endswith(".test") for name in names)


def published_passphrase() -> str | None:
    """The demo's passphrase; None in a tree that does not hold it."""
    # The CLI drops surrounding white space of a passphrase file, and so does this.
    return PASSPHRASE_FILE.read_text(encoding="utf-8").strip() if PASSPHRASE_FILE.is_file() else None


def uses_published_passphrase(environment: Mapping[str, str]) -> bool:
    """Whether the Pulumi CLI would take the demo's passphrase from these environment variables."""
    given = environment.get("PULUMI_CONFIG_PASSPHRASE")
    if given is None and (file := environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")):
        try:
            given = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return False
    return given is not None and given == published_passphrase()


def demo_problem(stack_file: StackFile) -> Problem | None:
    """The refusal of a stack file whose secrets anybody can read, though it is meant for the world."""
    if may_be_demo(stack_file.settings) or not verifies_demo_passphrase(stack_file.encryption_salt):
        return None
    return Problem(
        stack_file.file,
        "encryptionsalt",
        "is made with the published demo passphrase, which is for .test domains on a local engine only",
        "make the tenant anew under a passphrase of your own: `mailtenant new`",
        stack_file.document.line(("encryptionsalt",)),
    )


def verifies_demo_passphrase(encryption_salt: str | None) -> bool:
    """Whether the salt line of a stack file belongs to the demo passphrase. Takes half a second of processor time.

    Pulumi's form: `v1:<salt>:v1:<nonce>:<AES-256-GCM of "pulumi">`, the key by PBKDF2-HMAC-SHA-256, 1,000,000 rounds.
    """
    parts = (encryption_salt or "").split(":")
    passphrase = published_passphrase()
    if len(parts) != 5 or parts[0] != "v1" or parts[2] != "v1" or passphrase is None:
        return False
    try:
        salt, nonce, sealed = (base64.b64decode(part, validate=True) for part in (parts[1], parts[3], parts[4]))
        key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ROUNDS, 32)
        return AESGCM(key).decrypt(nonce, sealed, None) == b"pulumi"
    except (binascii.Error, ValueError, InvalidTag):
        return False
