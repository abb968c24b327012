-- The tenant's limits, held by the database itself: no tool and no race gets past them.
--
-- SQLSTATE MTCAP: a limit is reached. MTREF: refused for another reason that the caller can mend. Both carry a HINT.

-- Writers take turns, so that two of them cannot both see the last free place.
CREATE FUNCTION mail.take_turn() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('mailtenant.accounts', 0))
$$;

CREATE FUNCTION mail.pretty(bytes numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN bytes >= 1073741824 THEN trim_scale(round(bytes / 1073741824, 2)) || ' GiB'
        ELSE trim_scale(round(bytes / 1048576, 2)) || ' MiB'
    END
$$;

CREATE FUNCTION mail.mailboxes_in_use() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM mail.mailboxes WHERE NOT role
$$;

-- What the mailboxes may fill together; `default_quota` counts where a mailbox names none.
CREATE FUNCTION mail.storage_promised(default_quota bigint) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(coalesce(quota_bytes, default_quota)), 0) FROM mail.mailboxes WHERE NOT role
$$;

CREATE FUNCTION mail.hold_capacity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed mail.settings;
    used bigint;
    promised numeric;
BEGIN
    SELECT * INTO allowed FROM mail.settings;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the tenant''s settings have not reached the database yet'
            USING ERRCODE = 'MTREF', HINT = 'wait some seconds, or look at the log of the database container';
    END IF;
    used := mail.mailboxes_in_use();
    IF used > allowed.mailboxes THEN
        RAISE EXCEPTION 'this would make % mailboxes; capacity.mailboxes is %', used, allowed.mailboxes
            USING ERRCODE = 'MTCAP', HINT = 'raise capacity.mailboxes in the stack file, or remove mailboxes';
    END IF;
    promised := mail.storage_promised(allowed.mailbox_quota_bytes);
    IF promised > allowed.storage_bytes THEN
        RAISE EXCEPTION 'the mailbox quotas would sum to %; capacity.storage_gib allows %',
                mail.pretty(promised), mail.pretty(allowed.storage_bytes)
            USING ERRCODE = 'MTCAP',
                  HINT = format('raise capacity.storage_gib in the stack file, or give smaller quotas (the default is %s)',
                                mail.pretty(allowed.mailbox_quota_bytes));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION mail.take_turn_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mail.take_turn();
    RETURN NULL;
END
$$;

CREATE TRIGGER a_take_turn BEFORE INSERT OR UPDATE OR DELETE ON mail.mailboxes FOR EACH STATEMENT EXECUTE FUNCTION mail.take_turn_first();
CREATE TRIGGER a_take_turn BEFORE INSERT OR UPDATE OR DELETE ON mail.aliases FOR EACH STATEMENT EXECUTE FUNCTION mail.take_turn_first();
-- After the statement, once: an import of 500 rows is one count.
CREATE TRIGGER hold_capacity AFTER INSERT OR UPDATE OF quota_bytes, role ON mail.mailboxes
    FOR EACH STATEMENT EXECUTE FUNCTION mail.hold_capacity();
