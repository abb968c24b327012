"""Dovecot's own verdict on hashes: ours and every importable scheme let their owner in, refused ones do not."""

import hashlib
import itertools
import subprocess
from base64 import b64encode
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, Type

from mailtenant.accounts.passwords import hash_password
from mailtenant.accounts.schemes import IMPORTABLE, HashRefused, check_hash
from tests.world.accounts.database import Database
from tests.world.tenants import eventually

PASSWORD = "pässwörd ключ 鍵'\"%{u}$"
CONFIG = """\
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
log_path = /dev/stderr
base_dir = /tmp/dovecot
protocols =
mail_driver = maildir
mail_path = /tmp/mail
auth_failure_delay = 0
passdb passwd-file {
  passwd_file_path = /tmp/users/%{user}
}
"""


class Dovecot:
    """A Dovecot that only checks passwords."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.name = f"{database.settings.prefix}-dovecot"
        self._numbers = itertools.count()

    def start(self) -> None:
        database = self._database
        label = f"--label=mailtenant.tenant={database.settings.label}"
        script = 'mkdir /tmp/dovecot /tmp/users && echo "$1" >/tmp/d.conf && exec dovecot -c /tmp/d.conf -F'
        image = f"mailtenant/imap:{database.settings.release}"
        run = ["run", "--detach", "--name", self.name, label, "--network=none", "--entrypoint=/bin/sh", image]
        database.docker(*run, "-c", script, "sh", CONFIG)
        eventually(lambda: self._doveadm("service", "status").returncode == 0, seconds=30, what="Dovecot")

    def stop(self) -> None:
        self._database.docker("rm", "--force", self.name, check=False)

    def generate(self, scheme: str) -> str:
        return self._doveadm("pw", "-s", scheme, "-p", PASSWORD).stdout.strip()

    def lets_in(self, stored: str, password: str = PASSWORD) -> bool:
        # A user and a file of its own each time: Dovecot takes a file of the same second and size for unchanged.
        user = f"jo{next(self._numbers)}"
        write = ["exec", "-i", self.name, "sh", "-c", f"cat >/tmp/users/{user}"]
        self._database.docker(*write, data=f"{user}:{stored}\n".encode())
        done = self._doveadm("auth", "test", user, password)
        return done.returncode == 0 and "auth succeeded" in done.stdout + done.stderr

    def _doveadm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["docker", "exec", self.name, "doveadm", "-c", "/tmp/d.conf", *arguments]
        environment = self._database.environment
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def dovecot(database: Database) -> Iterator[Dovecot]:
    server = Dovecot(database)
    server.stop()
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_our_own_hash_lets_in_its_password_and_no_other(dovecot: Dovecot) -> None:
    stored = hash_password(PASSWORD)
    assert dovecot.lets_in(stored)
    assert not dovecot.lets_in(stored, PASSWORD + "x")


@pytest.mark.parametrize("scheme", IMPORTABLE)
def test_every_importable_scheme_is_one_that_dovecot_verifies(dovecot: Dovecot, scheme: str) -> None:
    assert dovecot.lets_in(check_hash(dovecot.generate(scheme)))


@pytest.mark.parametrize(
    "value",
    [
        "{ARGON2ID}" + PasswordHasher(time_cost=1, memory_cost=131072, parallelism=4).hash(PASSWORD),
        PasswordHasher(time_cost=1, memory_cost=1024, type=Type.ID).hash(PASSWORD),
        "{ssha256.hex}" + (hashlib.sha256(PASSWORD.encode() + b"salt").digest() + b"salt").hex(),
        "{SHA512}" + hashlib.sha512(PASSWORD.encode()).hexdigest(),
        "{SHA256.B64}" + b64encode(hashlib.sha256(PASSWORD.encode()).digest()).decode(),
    ],
)
def test_other_spellings_are_stored_as_dovecot_reads_them(dovecot: Dovecot, value: str) -> None:
    assert dovecot.lets_in(check_hash(value))


@pytest.mark.parametrize("scheme", ["MD5-CRYPT", "PLAIN-MD5", "LDAP-MD5", "SMD5", "DES-CRYPT", "PLAIN-MD4", "HMAC-MD5"])
def test_what_is_refused_as_weak_would_not_let_anyone_in(dovecot: Dovecot, scheme: str) -> None:
    stored = dovecot.generate(scheme)
    assert stored.startswith(f"{{{scheme}}}")
    with pytest.raises(HashRefused, match="too weak"):
        check_hash(stored)
    assert not dovecot.lets_in(stored)
