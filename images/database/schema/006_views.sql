-- What Postfix, Dovecot and the filter may see: six views, named after the lookup that reads them. Who may do what.

CREATE VIEW public.postfix_domains AS
    SELECT name FROM mail.domains WHERE active;

CREATE VIEW public.postfix_mailboxes AS
    SELECT address FROM mail.lookup_mailboxes;

CREATE VIEW public.postfix_aliases AS
    SELECT address, destination FROM mail.lookup_aliases;

CREATE VIEW public.postfix_sender_logins AS
    SELECT address, login FROM mail.lookup_logins;

-- A switched-off domain takes no mail and sends none, but its people can still read what they have.
CREATE VIEW public.dovecot_passwords AS
    SELECT address AS username, password, enabled FROM mail.mailboxes WHERE password IS NOT NULL;

CREATE VIEW public.dovecot_users AS
    SELECT m.address AS username, coalesce(m.quota_bytes, s.mailbox_quota_bytes) AS quota_bytes
    FROM mail.mailboxes m CROSS JOIN mail.settings s;

-- Rights: `mailreader` gets the six views, `mailadmin` the rows that it administers, everyone else nothing.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA mail FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO mailreader, mailadmin;
GRANT SELECT ON public.postfix_domains, public.postfix_mailboxes, public.postfix_aliases, public.postfix_sender_logins,
    public.dovecot_passwords, public.dovecot_users TO mailreader, mailadmin;

GRANT USAGE ON SCHEMA mail TO mailadmin;
GRANT SELECT ON mail.domains, mail.mailboxes, mail.aliases, mail.settings, mail.settings_refusal, mail.builtin_aliases,
    mail.all_aliases TO mailadmin;
GRANT INSERT (address, name, password, quota_bytes, enabled), UPDATE (name, password, quota_bytes, enabled), DELETE
    ON mail.mailboxes TO mailadmin;
GRANT INSERT (address, destination), DELETE ON mail.aliases TO mailadmin;
-- What the row triggers and checks call in the name of `mailadmin`; not apply_settings and its parts.
GRANT EXECUTE ON FUNCTION mail.is_domain(text), mail.is_address(text), mail.is_mailbox_address(text), mail.take_turn(),
    mail.pretty(numeric), mail.mailboxes_in_use(), mail.storage_promised(bigint), mail.base_address(text) TO mailadmin;
