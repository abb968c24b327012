-- What Postfix, Dovecot and the filter may see: six views, named after the lookup that reads them.

CREATE VIEW public.postfix_domains AS
    SELECT name FROM mail.domains WHERE active;

CREATE VIEW public.postfix_mailboxes AS
    SELECT m.address FROM mail.mailboxes m JOIN mail.domains d ON d.name = m.domain WHERE d.active;

-- A mailbox is its own destination: without that row a catch-all would take its mail. The built-in postmaster mailbox has none
-- while an alias re-points it.
CREATE VIEW public.postfix_aliases AS
    SELECT m.address, m.address AS destination
    FROM mail.mailboxes m JOIN mail.domains d ON d.name = m.domain
    WHERE d.active AND NOT (m.role AND EXISTS (SELECT FROM mail.aliases a WHERE a.address = m.address))
    UNION ALL
    SELECT a.address, a.destination FROM mail.aliases a JOIN mail.domains d ON d.name = a.domain WHERE d.active
    UNION ALL
    SELECT address, destination FROM mail.builtin_aliases;

-- Who may send as what: the own address, and aliases that reach the mailbox directly or through one more alias. No catch-all.
-- Joins, not recursion: PostgreSQL does not push `address = …` into a recursive query, and this runs for every message.
CREATE VIEW public.postfix_sender_logins AS
    WITH logins AS NOT MATERIALIZED (
        SELECT m.address FROM mail.mailboxes m JOIN mail.domains d ON d.name = m.domain WHERE d.active AND m.enabled
    ), named AS NOT MATERIALIZED (
        SELECT a.address, a.destination FROM mail.aliases a JOIN mail.domains d ON d.name = a.domain
        WHERE d.active AND a.address NOT LIKE '@%'
        UNION ALL
        SELECT address, destination FROM mail.builtin_aliases
    )
    SELECT address, address AS login FROM logins
    UNION
    SELECT n.address, l.address FROM named n JOIN logins l ON l.address = n.destination
    UNION
    SELECT n.address, l.address FROM named n JOIN named via ON via.address = n.destination JOIN logins l ON l.address = via.destination;

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
