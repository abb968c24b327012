"""Where a shared host keeps what a move needs. One value, so that another host's layout is another value."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HostPaths:
    """`move`: the folder that the adapter alone writes. `users` with `{domain}`: a customer's passwd-file (Dovecot).
    `mailboxes`, `logins`, `aliases`: Postfix's tables for all customers of who gets mail here, who may send as whom
    (smtpd_sender_login_maps), and aliases. `copy_config`: the copy instance's configuration. `log`: where
    both daemons' lines stand, as syslog writes them."""

    move: str = "/srv/shared/move"
    users: str = "/etc/dovecot/users/{domain}"
    mailboxes: str = "/etc/postfix/mailboxes"
    logins: str = "/etc/postfix/logins"
    aliases: str = "/etc/postfix/aliases"
    copy_config: str = "/etc/dovecot/copy.conf"
    log: str = "/var/log/mail.log"

    def users_of(self, domain: str) -> str:
        return self.users.format(domain=domain)
