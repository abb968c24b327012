-- Which mailboxes surely have room (docs/decisions/0045): the imap container says how large a quota each needs for that, the quotas
-- are here. So a new quota holds at once, and an account that is gone has no room.

-- Unlogged: known again seconds after a crash.
CREATE UNLOGGED TABLE mail.room (address text PRIMARY KEY, octets bigint NOT NULL);

CREATE OR REPLACE VIEW public.dovecot_users AS
    SELECT m.address AS username, coalesce(m.quota_bytes, s.mailbox_quota_bytes) AS quota_bytes,
        coalesce(m.quota_bytes, s.mailbox_quota_bytes) >= r.octets IS TRUE AS has_room
    FROM mail.mailboxes m CROSS JOIN mail.settings s LEFT JOIN mail.room r USING (address);

CREATE VIEW mail.roomy AS SELECT username AS address FROM public.dovecot_users WHERE has_room;

-- As 005's: counts what the hand-out of lookups compares.
ALTER TABLE mail.changes ADD COLUMN room bigint NOT NULL DEFAULT 0;

CREATE FUNCTION mail.count_room() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE mail.changes SET room = room + 1;
    RETURN NULL;
END
$$;

CREATE TRIGGER count_room AFTER INSERT OR UPDATE OR DELETE ON mail.room FOR EACH STATEMENT EXECUTE FUNCTION mail.count_room();
CREATE TRIGGER count_room AFTER UPDATE OF quota_bytes ON mail.mailboxes FOR EACH STATEMENT EXECUTE FUNCTION mail.count_room();
CREATE TRIGGER count_room AFTER UPDATE OF mailbox_quota_bytes ON mail.settings FOR EACH STATEMENT EXECUTE FUNCTION mail.count_room();

-- /run/usage of the imap container (images/imap/room). What nobody looked at for twenty seconds counts for nothing, nor what cannot
-- be read. Whatever lies there must not end this session or hold it up: it is never opened here, and read for five seconds at most.
CREATE PROCEDURE operator.take_room() LANGUAGE plpgsql AS $$
DECLARE
    seen timestamptz := (pg_stat_file('/run/usage/alive', true)).modification;
    told text := (SELECT f.modification || '/' || f.size FROM pg_stat_file('/run/usage/mailboxes', true) AS f);
BEGIN
    IF seen IS NULL OR seen < clock_timestamp() - interval '20 s' THEN
        told := NULL;
    END IF;
    IF NOT operator.changed('room', coalesce(told, '')) THEN
        RETURN;
    END IF;
    IF told IS NOT NULL THEN
        BEGIN
            CREATE TEMPORARY TABLE told (address text PRIMARY KEY, octets bigint NOT NULL) ON COMMIT DROP;
            COPY told FROM PROGRAM 'timeout 5 head -c 20000000 /run/usage/mailboxes';
            DELETE FROM mail.room r WHERE NOT EXISTS (SELECT FROM told t WHERE t.address = r.address);
            INSERT INTO mail.room SELECT * FROM told ON CONFLICT (address) DO UPDATE SET octets = excluded.octets;
            RETURN;
        EXCEPTION WHEN OTHERS THEN
            RAISE LOG 'mailtenant: /run/usage/mailboxes: %', SQLERRM;
        END;
    END IF;
    DELETE FROM mail.room;
END
$$;
