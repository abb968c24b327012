"""The master key, and what is derived from it: the keyed hash of API keys, the encryption of webhook secrets.

API keys are 256 random bits, so a fast keyed hash is right: there is nothing to guess, a slow one would only cost time
on every request, and without the master key a stolen table cannot even be tested against a list of known keys. The
hash of a key is the same on every server, so one indexed lookup finds it.
"""

import base64
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.orm import Session

from mailtenant.control.errors import Misconfigured
from mailtenant.control.tables import Fact

PREFIX: Final = "mt_"
_OCTETS: Final = 32
HINT: Final = 9
"""How many characters of a key are kept to tell it from others: the prefix and 36 of its 256 bits."""


class Vault:
    """Everything that the master key is for. `repr` shows none of it."""

    def __init__(self, master: bytes) -> None:
        self._digest_key = _derive(master, b"api keys")
        self._box = Fernet(base64.urlsafe_b64encode(_derive(master, b"webhook secrets")))

    def digest(self, key: str) -> str:
        """HMAC-SHA-256 in hex: 64 characters."""
        return hmac.digest(self._digest_key, key.encode("utf-8", "surrogatepass"), "sha256").hex()

    def seal(self, text: str) -> str:
        return self._box.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        return self._box.decrypt(sealed.encode()).decode()

    def claim(self, session: Session) -> None:
        """Marks the database as this key's; on a database of another key says so, instead of refusing every customer.

        Raises: Misconfigured
        """
        mark = self.digest("mailtenant: the key of this database")
        found = session.get(Fact, "master key")
        if found is None:
            session.add(Fact(name="master key", value=mark))
        elif not hmac.compare_digest(found.value, mark):
            raise Misconfigured(
                "MAILTENANT_KEY_FILE holds another key than the one that this database was made with; "
                "bring the old key file back (no API key works without it)"
            )


def new_key() -> str:
    """A new API key: `mt_` and 43 characters."""
    return PREFIX + secrets.token_urlsafe(_OCTETS)


def open_vault(file: Path | None, *, create: bool) -> Vault:
    """Reads the master key. `create`: the embedded default makes one, readable by its owner only.

    Raises: Misconfigured
    """
    if file is None:
        raise Misconfigured(
            "MAILTENANT_KEY_FILE is not set: name a file with 32 random bytes in base64 (openssl rand -base64 32), "
            "the same on every server, and keep a copy of it"
        )
    try:
        if create and not file.exists():
            _create(file)
        master = base64.b64decode(file.read_text(encoding="ascii").strip(), validate=True)
    except OSError as error:
        raise Misconfigured(f"MAILTENANT_KEY_FILE: {file}: {error.strerror}") from None
    except ValueError:
        master = b""
    if len(master) < _OCTETS:
        raise Misconfigured(f"MAILTENANT_KEY_FILE: {file} does not hold 32 bytes in base64 (openssl rand -base64 32)")
    return Vault(master)


def _create(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Complete before it has its name: two processes that start at once read the same key.
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(base64.b64encode(secrets.token_bytes(_OCTETS)).decode() + "\n")
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"mailtenant: " + purpose).derive(master)
