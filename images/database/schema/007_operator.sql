-- What the entrypoint's one standing session does once a second: take over a changed accounts.json, give out a changed map of
-- owners. Only the owner may call it: it reads and writes files.

CREATE SCHEMA operator;

-- The last state is kept in the session, so that an idle database writes nothing, and a restart looks at everything again.
CREATE FUNCTION operator.changed(what text, now_is text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('mailtenant.' || what, true) IS NOT DISTINCT FROM now_is THEN
        RETURN false;
    END IF;
    PERFORM set_config('mailtenant.' || what, now_is, false);
    RETURN true;
END
$$;

-- By content, not by time: files that arrive through an upload may all carry the same time.
CREATE PROCEDURE operator.take_settings() LANGUAGE plpgsql AS $$
DECLARE
    document text := pg_read_file('/etc/mailtenant/accounts.json', true);
    reason text;
BEGIN
    IF document IS NULL OR NOT operator.changed('settings', md5(document)) THEN
        RETURN;
    END IF;
    IF document IS JSON OBJECT THEN
        reason := mail.apply_settings(document::jsonb);
    ELSE
        reason := mail.note_refusal('accounts.json: not a JSON object');
    END IF;
    RAISE LOG 'mailtenant: settings %', coalesce('refused: ' || reason, 'applied');
END
$$;

-- `address login`, one line a pair. Renamed into place: the filter never reads half a map.
CREATE PROCEDURE operator.give_owners() LANGUAGE plpgsql AS $$
BEGIN
    IF NOT operator.changed('owners', (SELECT version::text FROM mail.changes)) THEN
        RETURN;
    END IF;
    COPY (
        SELECT address || ' ' || login FROM public.postfix_sender_logins ORDER BY address, login
    ) TO PROGRAM 'umask 022 && cat >/run/owners/.addresses.map.new && mv -f /run/owners/.addresses.map.new /run/owners/addresses.map';
END
$$;
