"""Configuration texts of the shared host's daemons, as `str.format` fills them (world/shared_files.py)."""

MAIN = """\
compatibility_level = 3.10
myhostname = {host}
mydomain = {host}
myorigin = $myhostname
smtpd_banner = $myhostname ESMTP
inet_protocols = ipv4
inet_interfaces = all
smtp_bind_address = {address}
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
meta_directory = /usr/share/postfix
# One file for both daemons, as syslog writes it on such hosts: logins are read there.
maillog_file = {log}
mydestination =
mynetworks =
relay_domains =
local_recipient_maps =
local_transport = error:5.1.1 no local mailboxes
alias_maps =
alias_database =
local_header_rewrite_clients = permit_sasl_authenticated
append_dot_mydomain = no
biff = no
recipient_delimiter = +
message_size_limit = 52428800
smtputf8_enable = no
virtual_mailbox_domains = texthash:/etc/postfix/domains
virtual_transport = lmtp:unix:/run/mail-sockets/lmtp
lmtp_destination_recipient_limit = 1
lmtp_destination_concurrency_limit = 10
smtpd_sender_login_maps = texthash:/etc/postfix/logins
# move: what holds a customer's mail, or sends it on to the new host
transport_maps = texthash:{move}/transport
# move: an address that goes on to the new host is judged and expanded there, not here
virtual_alias_maps = regexp:{move}/aliases, texthash:/etc/postfix/aliases
virtual_mailbox_maps = texthash:{move}/accepted, texthash:/etc/postfix/mailboxes
# Held mail is tried again within minutes, and never longer than an hour apart.
queue_run_delay = 30s
minimal_backoff_time = 60s
maximal_backoff_time = 30m
transport_retry_time = 20s
in_flow_delay = 0s
smtpd_tls_chain_files = /srv/shared/tls/key.pem, /srv/shared/tls/chain.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtp_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = unix:/run/mail-sockets/auth
smtpd_sasl_auth_enable = no
smtpd_helo_required = yes
disable_vrfy_command = yes
smtpd_client_connection_count_limit = 50
# move: outside senders are told to come back (`access` answers 450), before anything else is asked
smtpd_recipient_restrictions = check_recipient_access texthash:{move}/access, reject_non_fqdn_recipient,
    reject_unauth_destination, reject_unlisted_recipient
smtpd_relay_restrictions = reject_unauth_destination
# move: people of a customer that moves are told to come back, after their login
submission_recipient_restrictions = check_sasl_access regexp:{move}/senders, reject_non_fqdn_recipient,
    reject_unlisted_recipient, permit_sasl_authenticated, reject
# move: which addresses exist is asked of the new host
unverified_recipient_reject_code = 550
unverified_recipient_defer_code = 450
unverified_recipient_tempfail_action = defer
address_verify_poll_count = 6
address_verify_positive_expire_time = 1h
address_verify_positive_refresh_time = 10m
address_verify_negative_expire_time = 2m
address_verify_negative_refresh_time = 1m
unknown_local_recipient_reject_code = 550
smtpd_milters = inet:127.0.0.1:8891
non_smtpd_milters = $smtpd_milters
milter_default_action = tempfail
"""

MASTER = """\
25        inet  n       -       n       -       60      smtpd
  -o syslog_name=postfix/smtp
465       inet  n       -       n       -       60      smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o smtpd_sender_restrictions=reject_authenticated_sender_login_mismatch
  -o smtpd_recipient_restrictions=$submission_recipient_restrictions
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
587       inet  n       -       n       -       60      smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o smtpd_sender_restrictions=reject_authenticated_sender_login_mismatch
  -o smtpd_recipient_restrictions=$submission_recipient_restrictions
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
# Dovecot's way out: Sieve redirect and vacation.
127.0.0.1:10587 inet n  -       n       -       10      smtpd
  -o syslog_name=postfix/internal
  -o smtpd_tls_security_level=none
  -o mynetworks=127.0.0.1/32
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o smtpd_relay_restrictions=permit_mynetworks,reject
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
  -o syslog_name=postfix/relay
lmtp      unix  -       -       n       -       -       lmtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""

# What both instances must agree on, for both open the same mailboxes.
STORAGE = """\
mail_driver = maildir
mail_home = /var/vmail/%{{user | domain}}/%{{user | username}}
mail_path = %{{home}}/Maildir
mail_uid = vmail
mail_gid = vmail
first_valid_uid = 5000
last_valid_uid = 5000
namespace inbox {{
  inbox = yes
  mailbox Drafts {{
    special_use = \\Drafts
  }}
  mailbox Sent {{
    special_use = \\Sent
  }}
  mailbox Junk {{
    special_use = \\Junk
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
}}
mail_plugins {{
  quota = yes
}}
quota "User quota" {{
  driver = count
}}
sieve_script personal {{
  type = personal
  driver = file
  path = ~/sieve
  active_path = ~/.dovecot.sieve
}}
""".replace("{{", "{").replace("}}", "}")

DOVECOT = """\
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
protocols {{
  imap = yes
  lmtp = yes
  sieve = yes
}}
hostname = {host}
listen = *
base_dir = /run/dovecot
state_dir = /run/dovecot/state
log_path = /dev/stderr
# Faults stay with the container's output; who logs in stands beside Postfix's lines.
info_log_path = {log}
log_timestamp = "%Y-%m-%dT%H:%M:%S "
ssl = required
ssl_server_cert_file = /srv/shared/tls/chain.pem
ssl_server_key_file = /srv/shared/tls/key.pem
default_internal_user = dovecot
default_login_user = dovenull
auth_mechanisms = plain login
auth_username_format = %{{user | lower}}
auth_cache_size = 4M
auth_cache_ttl = 5 mins
auth_failure_delay = 2 secs
# move: a customer whose name is a link to itself here is told "temporarily unavailable" (such a link cannot be opened,
# which Dovecot takes for a fault of ours): mail programs keep the password and try again.
passdb passwd-file {{
  driver = passwd-file
  passwd_file_path = {move}/denied/%{{protocol}}/%{{user | domain}}
  result_internalfail = return-fail
}}
passdb users {{
  driver = passwd-file
  passwd_file_path = /etc/dovecot/users/%{{user | domain}}
}}
userdb users {{
  driver = passwd-file
  passwd_file_path = /etc/dovecot/users/%{{user | domain}}
}}
{storage}
postmaster_address = postmaster@{host}
recipient_delimiter = +
submission_host = 127.0.0.1:10587
submission_ssl = no
protocol imap {{
  mail_plugins {{
    imap_quota = yes
  }}
}}
protocol lmtp {{
  mail_plugins {{
    sieve = yes
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = 993
    ssl = yes
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = 4190
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0
  }}
  unix_listener /run/mail-sockets/lmtp {{
    user = postfix
    mode = 0660
  }}
}}
service auth {{
  unix_listener /run/mail-sockets/auth {{
    user = postfix
    mode = 0660
  }}
  unix_listener auth-userdb {{
    user = vmail
    mode = 0600
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

COPY = """\
# move: a Dovecot of its own for copies. It knows only the users in {move}/users (mailboxes of customers that move,
# while a pass runs), and does nothing but the server's side of `doveadm sync`.
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
instance_name = copy
base_dir = /run/dovecot-copy
state_dir = /run/dovecot-copy/state
log_path = /dev/stderr
log_timestamp =
listen = *
ssl = required
ssl_server_cert_file = /srv/shared/tls/chain.pem
ssl_server_key_file = /srv/shared/tls/key.pem
default_internal_user = dovecot
default_login_user = dovenull
auth_username_format = %{{user | lower}}
# Dovecot wants one; nothing here takes a login.
passdb nobody {{
  driver = passwd-file
  passwd_file_path = /dev/null
}}
userdb move {{
  driver = passwd-file
  passwd_file_path = {move}/users
}}
{storage}
!include {move}/copy-password.conf
doveadm_allowed_commands {{
  dsync-server = yes
}}
service doveadm {{
  inet_listener copy {{
    port = {port}
    ssl = yes
  }}
}}
"""

OPENDKIM = """\
Socket inet:8891@127.0.0.1
UserID opendkim
PidFile /run/opendkim/opendkim.pid
Syslog no
LogWhy no
Mode s
Canonicalization relaxed/simple
OversignHeaders From
KeyTable file:{folder}/opendkim/keys
SigningTable refile:{folder}/opendkim/senders
InternalHosts file:{folder}/opendkim/internal
MacroList auth_type
"""
