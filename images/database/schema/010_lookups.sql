-- The answers to Postfix's lookups as one file, for its nodes to keep in memory (docs/decisions/0039): lines of
-- `kind key value`, a tab between them, values as the queries of templates/postfix/etc/postfix/maps give them. The first line,
-- `# given TIME`, is another one each time. A hold (008) must be heard from the database, so it empties the file: `# held TIME`.

-- With the row's own mark (xmin): a database that was put back may come to the same number another way.
CREATE PROCEDURE operator.give_lookups() LANGUAGE plpgsql AS $$
BEGIN
    IF NOT operator.changed('lookups', (SELECT concat_ws('/', c.version, c.room, c.xmin, h.mail) FROM mail.changes c, mail.hold h)) THEN
        RETURN;
    END IF;
    COPY (
        SELECT kind, key, value FROM (
            SELECT 0 AS place, '#' AS kind, CASE WHEN h.mail THEN 'held' ELSE 'given' END AS key, clock_timestamp()::text AS value
            FROM mail.hold h
            UNION ALL
            SELECT 1, 'domains', name, name FROM mail.domains WHERE active
            UNION ALL
            SELECT 2, 'mailboxes', address, address FROM mail.lookup_mailboxes
            UNION ALL
            SELECT 3, 'aliases', address, string_agg(destination, ', ' ORDER BY destination) FROM mail.lookup_aliases GROUP BY address
            UNION ALL
            SELECT 4, 'logins', address, string_agg(login, ',' ORDER BY login) FROM mail.lookup_logins GROUP BY address
            UNION ALL
            SELECT 5, 'roomy', address, 'OK' FROM mail.roomy
        ) AS lines
        WHERE place = 0 OR NOT (SELECT h.mail FROM mail.hold h)
        ORDER BY place, key
    ) TO PROGRAM 'umask 022 && cat >/run/owners/.lookups.map.new && mv -f /run/owners/.lookups.map.new /run/owners/lookups.map';
END
$$;
