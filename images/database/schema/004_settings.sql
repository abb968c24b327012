-- accounts.json → domains and limits. All of a document or nothing of it; what was accepted before stays in force.

CREATE FUNCTION mail.refuse_below_use(wanted mail.settings) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    used bigint := mail.mailboxes_in_use();
    promised numeric := mail.storage_promised(wanted.mailbox_quota_bytes);
BEGIN
    IF used > wanted.mailboxes THEN
        RAISE EXCEPTION 'capacity.mailboxes %: below the % in use; remove % mailboxes or set at least %',
            wanted.mailboxes, used, used - wanted.mailboxes, used USING ERRCODE = 'MTCAP';
    END IF;
    IF promised > wanted.storage_bytes THEN
        RAISE EXCEPTION 'capacity.storage_gib %: below the % that the mailbox quotas sum to; lower quotas or set at least % GiB',
            mail.pretty(wanted.storage_bytes), mail.pretty(promised), ceil(promised / 1073741824) USING ERRCODE = 'MTCAP';
    END IF;
END
$$;

-- The built-in postmaster mailbox: at the first active domain, once. It stays where it is while its domain is active.
CREATE FUNCTION mail.ensure_postmaster() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    home text;
BEGIN
    IF EXISTS (SELECT FROM mail.mailboxes m JOIN mail.domains d ON d.name = m.domain WHERE m.role AND d.active) THEN
        RETURN;
    END IF;
    SELECT name INTO home FROM mail.domains WHERE active ORDER BY position, name LIMIT 1;
    -- An ordinary mailbox of that name takes the part over: it keeps its mail and its password.
    INSERT INTO mail.mailboxes (address, name, role) VALUES ('postmaster@' || home, 'Postmaster', true)
        ON CONFLICT (address) DO UPDATE SET role = true;
END
$$;

-- Raises when the document cannot be applied. Domains that are no longer listed: deleted when nothing hangs on them, else
-- switched off, so that no mail and no account is lost by an edit of the stack file.
CREATE FUNCTION mail.apply_document(document jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    listed text[] := ARRAY(SELECT jsonb_array_elements_text(document -> 'domains'));
    wanted mail.settings;
BEGIN
    PERFORM mail.take_turn();
    SELECT true, c.mailboxes, c.domains, c.storage_bytes, c.mailbox_quota_bytes, now() INTO STRICT wanted
        FROM jsonb_to_record(document -> 'capacity')
        AS c (mailboxes integer, domains integer, storage_bytes bigint, mailbox_quota_bytes bigint);
    IF cardinality(listed) = 0 THEN
        RAISE EXCEPTION 'domains: the list is empty; a tenant needs one domain' USING ERRCODE = 'MTREF';
    END IF;
    IF cardinality(listed) > wanted.domains THEN
        RAISE EXCEPTION 'capacity.domains %: below the % listed; remove domains or set at least %',
            wanted.domains, cardinality(listed), cardinality(listed) USING ERRCODE = 'MTCAP';
    END IF;
    PERFORM mail.refuse_below_use(wanted);
    -- First the limits: the capacity triggers of what follows read them.
    INSERT INTO mail.settings SELECT wanted.*
        ON CONFLICT (only_row) DO UPDATE SET
            mailboxes = excluded.mailboxes, domains = excluded.domains, storage_bytes = excluded.storage_bytes,
            mailbox_quota_bytes = excluded.mailbox_quota_bytes, applied_at = excluded.applied_at;
    INSERT INTO mail.domains (name, active, position)
        SELECT name, true, ordinality FROM unnest(listed) WITH ORDINALITY AS l (name, ordinality)
        ON CONFLICT (name) DO UPDATE SET active = true, position = excluded.position;
    UPDATE mail.domains SET active = false WHERE active AND name <> ALL (listed);
    DELETE FROM mail.domains d
        WHERE NOT active
          AND NOT EXISTS (SELECT FROM mail.mailboxes m WHERE m.domain = d.name)
          AND NOT EXISTS (SELECT FROM mail.aliases a WHERE a.domain = d.name);
    PERFORM mail.ensure_postmaster();
    DELETE FROM mail.settings_refusal;
END
$$;

-- Kept for the health check and for `mailtenant validate --live`. Gives the reason back.
CREATE FUNCTION mail.note_refusal(reason text) RETURNS text LANGUAGE sql AS $$
    INSERT INTO mail.settings_refusal (reason) VALUES (note_refusal.reason)
        ON CONFLICT (only_row) DO UPDATE SET reason = excluded.reason, refused_at = excluded.refused_at
        RETURNING settings_refusal.reason
$$;

-- Null when applied, else the reason of the refusal.
CREATE FUNCTION mail.apply_settings(document jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mail.apply_document(document);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN mail.note_refusal(CASE WHEN SQLSTATE IN ('MTCAP', 'MTREF') THEN SQLERRM ELSE 'accounts.json: ' || SQLERRM END);
END
$$;
