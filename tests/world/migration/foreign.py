"""A mail server that is not ours: a Dovecot of its own in the shared host's container, with a master user."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from imaplib import IMAP4

from mailtenant.mailbox_copy.imap_source import imap_over
from mailtenant.mailbox_copy.session import pipes
from mailtenant.mailbox_copy.sieve import ManageSieve
from mailtenant.runner import DockerRunner, checked
from tests.world.tenants import Mailbox, eventually, message

MASTER, MASTER_PASSWORD = "migrator", 'pw "of" %{user} \\ $HOME ü'
_CONFIG = """\
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
instance_name = {name}
base_dir = /run/{name}/base
state_dir = /run/{name}/state
log_path = /run/{name}/log
protocols {{
  imap = yes
  sieve = yes
}}
listen = *
ssl = required
ssl_server_cert_file = /srv/shared/tls/chain.pem
ssl_server_key_file = /srv/shared/tls/key.pem
default_internal_user = dovecot
default_login_user = dovenull
auth_mechanisms = plain login
auth_master_user_separator = *
auth_failure_delay = 1 secs
passdb masters {{
  driver = passwd-file
  passwd_file_path = /run/{name}/masters
  master = yes
}}
passdb people {{
  driver = passwd-file
  passwd_file_path = /run/{name}/users
}}
userdb people {{
  driver = passwd-file
  passwd_file_path = /run/{name}/users
}}
mail_driver = maildir
mail_home = /var/vmail/foreign/%{{user}}
mail_path = %{{home}}/Maildir
mail_uid = vmail
mail_gid = vmail
first_valid_uid = 5000
last_valid_uid = 5000
namespace inbox {{
  inbox = yes
  separator = .
  prefix = {prefix}
}}
service imap-login {{
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = {sieve}
  }}
}}
sieve_script personal {{
  type = personal
  driver = file
  path = ~/sieve
  active_path = ~/.dovecot.sieve
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


@dataclass(frozen=True)
class Foreign:
    """One instance. `prefix`: of all folders but INBOX, as some servers have it."""

    runner: DockerRunner = field(repr=False)
    name: str = "foreign"
    tls: int = 1993
    starttls: int = 1143
    sieve: int = 5190
    prefix: str = ""

    @property
    def config(self) -> str:
        return f"/run/{self.name}/dovecot.conf"

    def start(self, people: list[Mailbox]) -> None:
        text = _CONFIG.format(
            name=self.name, tls=self.tls, starttls=self.starttls, sieve=self.sieve, prefix=self.prefix
        )
        self._write("dovecot.conf", text)
        self._write("masters", f"{MASTER}:{{PLAIN}}{MASTER_PASSWORD}\n")
        self._write("users", "".join(f"{person.address}:{{PLAIN}}{person.password}::::::\n" for person in people))
        checked(self.runner, ["dovecot", "-c", self.config])
        eventually(lambda: b"* OK" in self._greeting(), what=f"{self.name} greets")

    def stop(self) -> None:
        self.runner.run(["doveadm", "-c", self.config, "stop"])
        self.runner.run(["rm", "-rf", f"/run/{self.name}", "/var/vmail/foreign"])

    def clear(self) -> None:
        checked(self.runner, ["rm", "-rf", "/var/vmail/foreign"])

    def doveadm(self, *words: str) -> None:
        checked(self.runner, ["doveadm", "-c", self.config, *words])

    @contextmanager
    def imap(self, address: str) -> Iterator[IMAP4]:
        """A session without password, on the server itself."""
        process = self.runner.start(["doveadm", "-c", self.config, "exec", "imap", "-u", address])
        with imap_over(process, address) as client:
            yield client

    @contextmanager
    def filters(self, address: str) -> Iterator[ManageSieve]:
        process = self.runner.start(["doveadm", "-c", self.config, "exec", "managesieve", "-u", address])
        with pipes(process, address) as (reader, writer):
            yield ManageSieve(reader, writer, address)

    def _write(self, name: str, text: str) -> None:
        line = f"umask 077; mkdir -p /run/{self.name}; cat >/run/{self.name}/{name}; chmod 0644 /run/{self.name}/{name}"
        checked(self.runner, ["sh", "-c", f"{line}; chmod 0755 /run/{self.name}"], stdin=text.encode())

    def _greeting(self) -> bytes:
        command = f"timeout 3 openssl s_client -quiet -connect 127.0.0.1:{self.tls} </dev/null"
        return self.runner.run(["sh", "-c", shlex.join(["sh", "-c", command])]).output


def put(client: IMAP4, token: str, folder: str = "INBOX", flags: str = "", *, days: int = 0, octets: int = 0) -> None:
    """A message that came `days` ago."""
    came = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    raw = message("someone@elsewhere.test", "jo@harbor.test", token, body="x" * 70 + "\r\n").as_bytes()
    padding = b"".join(b"y" * 70 + b"\r\n" for _ in range(octets // 72))
    status, answer = client.append(
        f'"{folder}"', flags, f'"{came:%d-%b-%Y %H:%M:%S} +0000"', raw.replace(b"\n", b"\r\n") + padding
    )
    assert status == "OK", answer
