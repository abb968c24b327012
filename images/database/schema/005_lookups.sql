-- The answers to Postfix's lookups, kept ready. They are asked for with every message, and PostgreSQL would spend milliseconds
-- on planning the joins behind them each time; changes of accounts are rare. Each `wanted_…` view says what a table must hold.

CREATE VIEW mail.wanted_mailboxes AS
    SELECT m.address FROM mail.mailboxes m JOIN mail.domains d ON d.name = m.domain WHERE d.active;

-- A mailbox is its own destination: without that row a catch-all would take its mail. The built-in postmaster mailbox has none
-- while an alias re-points it.
CREATE VIEW mail.wanted_aliases AS
    SELECT w.address, w.address AS destination
    FROM mail.wanted_mailboxes w
    WHERE NOT EXISTS (SELECT FROM mail.aliases a WHERE a.address = w.address)
    UNION ALL
    SELECT a.address, a.destination FROM mail.aliases a JOIN mail.domains d ON d.name = a.domain WHERE d.active
    UNION ALL
    SELECT address, destination FROM mail.builtin_aliases;

-- Who may send as what: the own address, and every alias that leads to it, over other aliases too. No catch-all.
CREATE VIEW mail.wanted_logins AS
    WITH RECURSIVE steps AS (
        SELECT address, destination FROM mail.wanted_aliases WHERE address NOT LIKE '@%'
        UNION
        SELECT address, mail.base_address(destination) FROM mail.aliases WHERE address NOT LIKE '@%' AND destination LIKE '%+%'
    ), reached (address, login) AS (
        SELECT m.address, m.address FROM mail.mailboxes m JOIN mail.domains d ON d.name = m.domain WHERE d.active AND m.enabled
        UNION
        SELECT s.address, r.login FROM reached r JOIN steps s ON s.destination = r.address
    )
    SELECT r.address, r.login FROM reached r JOIN mail.domains d ON d.name = split_part(r.address, '@', 2) WHERE d.active;

CREATE TABLE mail.lookup_mailboxes (address text PRIMARY KEY);
CREATE TABLE mail.lookup_aliases (address text, destination text, PRIMARY KEY (address, destination));
CREATE TABLE mail.lookup_logins (address text, login text, PRIMARY KEY (address, login));

-- Counts committed changes of who owns which address; the exporter (007) compares it. A row, not a sequence: it must become
-- visible together with the change that it counts.
CREATE TABLE mail.changes (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version bigint NOT NULL DEFAULT 0
);
INSERT INTO mail.changes DEFAULT VALUES;

-- Writes only what differs. Runs as the owner: whoever changes accounts need not write here.
CREATE FUNCTION mail.refresh_lookups() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM mail.lookup_mailboxes l WHERE NOT EXISTS (SELECT FROM mail.wanted_mailboxes w WHERE w.address = l.address);
    INSERT INTO mail.lookup_mailboxes SELECT * FROM mail.wanted_mailboxes ON CONFLICT DO NOTHING;
    DELETE FROM mail.lookup_aliases l WHERE NOT EXISTS (
        SELECT FROM mail.wanted_aliases w WHERE w.address = l.address AND w.destination = l.destination);
    INSERT INTO mail.lookup_aliases SELECT * FROM mail.wanted_aliases ON CONFLICT DO NOTHING;
    DELETE FROM mail.lookup_logins l WHERE NOT EXISTS (
        SELECT FROM mail.wanted_logins w WHERE w.address = l.address AND w.login = l.login);
    INSERT INTO mail.lookup_logins SELECT * FROM mail.wanted_logins ON CONFLICT DO NOTHING;
    UPDATE mail.changes SET version = version + 1;
    RETURN NULL;
END
$$;

-- A new password or quota changes no answer of these.
CREATE TRIGGER refresh_lookups AFTER INSERT OR UPDATE OR DELETE ON mail.domains FOR EACH STATEMENT EXECUTE FUNCTION mail.refresh_lookups();
CREATE TRIGGER refresh_lookups AFTER INSERT OR UPDATE OF enabled, role OR DELETE ON mail.mailboxes
    FOR EACH STATEMENT EXECUTE FUNCTION mail.refresh_lookups();
CREATE TRIGGER refresh_lookups AFTER INSERT OR UPDATE OR DELETE ON mail.aliases FOR EACH STATEMENT EXECUTE FUNCTION mail.refresh_lookups();
