"""The files of the world's shared mail host: pure text from its customers, as a hosting company's own tools write it.

Below `/srv/shared`: `postfix/`, `dovecot/`, `opendkim/`. The folder `move/` beside them belongs to
`mailtenant.shared_host`: empty files there mean that no customer moves. Its contract with a host is the lines marked
`move` here.
"""

import base64
import hashlib
import ipaddress
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mailtenant.accounts.model import MIB
from mailtenant.shared_host.paths import HostPaths
from world.layout import SHARED_NAME
from world.shared_configs import COPY, DOVECOT, MAIN, MASTER, OPENDKIM, STORAGE
from world.zones import quoted

SHARED_ZONE = "inboxment.test"
SELECTOR = "shared"
FOLDER = "/srv/shared"
COPY_PORT = 12345
PATHS = HostPaths()
Scheme = Literal["SSHA256", "SSHA512", "SHA512-CRYPT", "PBKDF2", "ARGON2ID"]


@dataclass(frozen=True)
class SharedMailbox:
    """A mailbox on the shared host. `quota_mib` None: no limit there."""

    local_part: str
    password: str = field(repr=False)
    scheme: Scheme = "SHA512-CRYPT"
    quota_mib: int | None = 200
    name: str = ""


@dataclass(frozen=True)
class SharedCustomer:
    """One customer. `aliases` map a local part (empty: the catch-all) to whole addresses."""

    domain: str
    mailboxes: tuple[SharedMailbox, ...]
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def address(self, mailbox: SharedMailbox) -> str:
        return f"{mailbox.local_part}@{self.domain}"


def files(address: str, subnet: ipaddress.IPv4Network, dns: str, customers: Sequence[SharedCustomer]) -> dict[str, str]:
    """Name below `FOLDER` → text. Keys and certificates are not here."""
    texts = {
        "postfix/main.cf": MAIN.format(host=SHARED_NAME, address=address, move=PATHS.move, log=PATHS.log),
        "postfix/master.cf": MASTER,
        "postfix/domains": "".join(f"{customer.domain} x\n" for customer in customers),
        "postfix/mailboxes": "".join(f"{c.address(m)} x\n" for c in customers for m in c.mailboxes),
        "postfix/aliases": "".join(_aliases(customer) for customer in customers),
        "postfix/logins": "".join(_logins(customer) for customer in customers),
        "dovecot/dovecot.conf": DOVECOT.format(host=SHARED_NAME, move=PATHS.move, storage=STORAGE, log=PATHS.log),
        "dovecot/copy.conf": COPY.format(move=PATHS.move, storage=STORAGE, port=COPY_PORT),
        "opendkim/opendkim.conf": OPENDKIM.format(subnet=subnet, dns=dns, folder=FOLDER),
        "opendkim/keys": "".join(f"{c.domain} {c.domain}:{SELECTOR}:/run/keys/{c.domain}.key\n" for c in customers),
        "opendkim/senders": "".join(f"*@{c.domain} {c.domain}\n" for c in customers),
        "opendkim/internal": "127.0.0.1\n",
    }
    for customer in customers:
        texts[f"dovecot/users/{customer.domain}"] = "".join(_user(customer, mailbox) for mailbox in customer.mailboxes)
    return texts


def zones(address: str, customers: Sequence[SharedCustomer], public_keys: Mapping[str, str]) -> dict[str, list[str]]:
    """Zone → record lines, as the customers' DNS is before any of them moves."""
    found = {
        SHARED_ZONE: [
            f"mail A {address}",
            f"mail TXT {quoted('v=spf1 a -all')}",
            f"@ TXT {quoted('v=spf1 a:mail.inboxment.test -all')}",
        ]
    }
    for customer in customers:
        found[customer.domain] = [
            f"@ MX 10 {SHARED_NAME}.",
            f"@ TXT {quoted(f'v=spf1 a:{SHARED_NAME} -all')}",
            f"{SELECTOR}._domainkey TXT {quoted(f'v=DKIM1; k=rsa; p={public_keys[customer.domain]}')}",
            f"_dmarc TXT {quoted('v=DMARC1; p=none')}",
        ]
    return found


def _user(customer: SharedCustomer, mailbox: SharedMailbox) -> str:
    quota = "" if mailbox.quota_mib is None else f"userdb_quota_storage_size={mailbox.quota_mib * MIB}B"
    address = customer.address(mailbox)
    return f"{address}:{_hashed(mailbox.password, mailbox.scheme, address)}:::{mailbox.name}:::{quota}\n"


def _aliases(customer: SharedCustomer) -> str:
    own = "".join(
        f"{local}@{customer.domain} {', '.join(targets)}\n" for local, targets in sorted(customer.aliases.items())
    )
    # A catch-all must not take a mailbox's own mail: each mailbox is its own destination.
    return own + "".join(f"{customer.address(m)} {customer.address(m)}\n" for m in customer.mailboxes)


def _logins(customer: SharedCustomer) -> str:
    """Who may send as what."""
    owners: dict[str, set[str]] = {customer.address(m): {customer.address(m)} for m in customer.mailboxes}
    for local, targets in customer.aliases.items():
        if local:
            owners.setdefault(f"{local}@{customer.domain}", set()).update(t for t in targets if t in owners)
    return "".join(f"{address} {', '.join(sorted(who))}\n" for address, who in sorted(owners.items()) if who)


def _hashed(password: str, scheme: Scheme, address: str) -> str:
    """The same hash for the same input, so that a second `up` finds nothing changed. Never do this for real people."""
    salt = hashlib.sha256(f"{address} {scheme}".encode()).digest()[:12]
    raw = password.encode()
    match scheme:
        case "SSHA256" | "SSHA512":
            digest = hashlib.new(scheme[1:].lower(), raw + salt).digest()
            return f"{{{scheme}}}{base64.b64encode(digest + salt).decode()}"
        case "PBKDF2":
            text = salt.hex()[:16]
            return f"{{PBKDF2}}$1${text}$5000${hashlib.pbkdf2_hmac('sha1', raw, text.encode(), 5000).hex()}"
        case "ARGON2ID":
            from argon2.low_level import Type, hash_secret

            encoded = hash_secret(raw, salt, 2, 19456, 1, 32, Type.ID).decode()
            return f"{{ARGON2ID}}{encoded}"
        case "SHA512-CRYPT":
            done = subprocess.run(
                ["openssl", "passwd", "-6", "-salt", salt.hex()[:16], "-stdin"],
                input=raw + b"\n", capture_output=True, check=True,
            )  # fmt: skip
            return "{SHA512-CRYPT}" + done.stdout.decode().strip()
