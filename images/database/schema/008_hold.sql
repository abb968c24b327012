-- A migration's hold on the whole tenant: what the daemons ask is answered with an error, which they take for "not now". So
-- mail is deferred (451 on 25, 465 and 587) and logins are "temporarily unavailable", never refused for good; no daemon is
-- restarted, and the hold outlives every restart. `dovecot_users` goes on answering: the copy needs it.
CREATE TABLE mail.hold (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mail boolean NOT NULL DEFAULT false,
    logins boolean NOT NULL DEFAULT false
);
INSERT INTO mail.hold DEFAULT VALUES;

-- Without arguments and stable: the planner asks once a query, whatever the query finds.
CREATE FUNCTION mail.takes_mail() RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT h.mail FROM mail.hold h) THEN
        RAISE EXCEPTION 'mail is held: the mailboxes are being moved' USING ERRCODE = 'MTHLD';
    END IF;
    RETURN true;
END
$$;

-- Asked by Dovecot's query, which knows the protocol. While mail is held as well, a login for sending is let through: Postfix would
-- call it wrong for good (535, whatever Dovecot says), but answers every recipient 451 then.
CREATE FUNCTION public.takes_logins(protocol text) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT h.logins AND NOT (h.mail AND takes_logins.protocol = 'smtp') FROM mail.hold h) THEN
        RAISE EXCEPTION 'logins are held: the mailboxes are being moved' USING ERRCODE = 'MTHLD';
    END IF;
    RETURN true;
END
$$;

CREATE OR REPLACE VIEW public.postfix_domains AS
    SELECT name FROM mail.domains WHERE active AND mail.takes_mail();

CREATE OR REPLACE VIEW public.postfix_mailboxes AS
    SELECT address FROM mail.lookup_mailboxes WHERE mail.takes_mail();

REVOKE ALL ON FUNCTION mail.takes_mail(), public.takes_logins(text) FROM PUBLIC;
-- A view's functions run with the rights of who asks.
GRANT EXECUTE ON FUNCTION mail.takes_mail(), public.takes_logins(text) TO mailreader, mailadmin;
GRANT SELECT, UPDATE (mail, logins) ON mail.hold TO mailadmin;
