"""Where a shared host keeps what a move needs. One value, so that another host's layout is another value."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HostPaths:
    """`move`: the folder that the adapter alone writes. `users` with `{domain}`: a customer's passwd-file (Dovecot).
    `aliases`: the table of aliases of all customers (Postfix). `copy_config`: the copy instance's configuration."""

    move: str = "/srv/shared/move"
    users: str = "/etc/dovecot/users/{domain}"
    aliases: str = "/etc/postfix/aliases"
    copy_config: str = "/etc/dovecot/copy.conf"

    def users_of(self, domain: str) -> str:
        return self.users.format(domain=domain)
