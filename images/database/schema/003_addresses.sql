-- Which addresses may stand beside each other: one address is a mailbox or an alias, aliases end somewhere.

CREATE FUNCTION mail.guard_mailbox() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    targets text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.role THEN
            RAISE EXCEPTION '% is the built-in postmaster mailbox; it cannot be removed', OLD.address
                USING ERRCODE = 'MTREF', HINT = format('to send its mail elsewhere: mailtenant alias add LABEL %s DESTINATION', OLD.address);
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.address <> OLD.address THEN
        RAISE EXCEPTION 'a mailbox cannot be renamed: its mail lies under its address'
            USING ERRCODE = 'MTREF', HINT = 'add the new mailbox, move the mail, then remove the old one';
    END IF;
    IF NOT NEW.role THEN
        SELECT string_agg(destination, ', ' ORDER BY destination) INTO targets FROM mail.aliases WHERE address = NEW.address;
        IF targets IS NOT NULL THEN
            RAISE EXCEPTION '% is already an alias for %', NEW.address, targets
                USING ERRCODE = 'MTREF', HINT = format('remove it first: mailtenant alias remove LABEL %s', NEW.address);
        END IF;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER guard_mailbox BEFORE INSERT OR UPDATE OR DELETE ON mail.mailboxes FOR EACH ROW EXECUTE FUNCTION mail.guard_mailbox();

-- An alias on an ordinary mailbox would divert or double its mail; the built-in postmaster mailbox may be re-pointed that way.
CREATE FUNCTION mail.guard_alias() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM mail.mailboxes WHERE address = NEW.address AND NOT role) THEN
        RAISE EXCEPTION '% is already a mailbox', NEW.address
            USING ERRCODE = 'MTREF', HINT = 'choose another address for the alias, or remove the mailbox first';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER guard_alias BEFORE INSERT OR UPDATE ON mail.aliases FOR EACH ROW EXECUTE FUNCTION mail.guard_alias();

-- postmaster@ and abuse@ exist for every domain (RFC 5321 §4.5.1, RFC 2142 §5): where nobody has given them a mailbox or an
-- alias, they lead to the built-in mailbox. Computed, so that they can be re-pointed but never be missing.
CREATE VIEW mail.builtin_aliases AS
    SELECT part || '@' || d.name AS address, home.address AS destination
    FROM mail.domains d
    CROSS JOIN (VALUES ('postmaster'), ('abuse')) AS names (part)
    CROSS JOIN LATERAL (
        SELECT m.address
        FROM mail.mailboxes m JOIN mail.domains own ON own.name = m.domain
        WHERE m.role AND own.active
        ORDER BY own.position, own.name LIMIT 1
    ) AS home
    WHERE d.active
      AND NOT EXISTS (SELECT FROM mail.mailboxes m WHERE m.address = part || '@' || d.name)
      AND NOT EXISTS (SELECT FROM mail.aliases a WHERE a.address = part || '@' || d.name);

CREATE VIEW mail.all_aliases AS
    SELECT address, destination, false AS builtin FROM mail.aliases
    UNION ALL
    SELECT address, destination, true FROM mail.builtin_aliases;

-- Sub-addresses are looked up by their base address, as Postfix does after the exact match.
CREATE FUNCTION mail.base_address(address text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(address, '\+[^@]*@', '@')
$$;

-- Deferred to the commit: an import may bring an alias and its mailbox in any order.
CREATE FUNCTION mail.alias_must_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    target text := mail.base_address(NEW.destination);
BEGIN
    IF NOT EXISTS (SELECT FROM mail.aliases WHERE address = NEW.address AND destination = NEW.destination) THEN
        RETURN NULL;  -- gone again within the same transaction
    END IF;
    IF EXISTS (
        WITH RECURSIVE way (address) AS (
            SELECT NEW.destination
            UNION
            SELECT hop.destination
            FROM way JOIN mail.all_aliases hop ON hop.address IN (way.address, mail.base_address(way.address))
        )
        SELECT FROM way WHERE NEW.address IN (way.address, mail.base_address(way.address))
    ) THEN
        RAISE EXCEPTION 'the alias % for % leads back to itself', NEW.address, NEW.destination
            USING ERRCODE = 'MTREF', HINT = 'see the chain with: mailtenant alias list LABEL';
    END IF;
    IF EXISTS (SELECT FROM mail.domains WHERE name = split_part(target, '@', 2) AND active)
       AND NOT EXISTS (SELECT FROM mail.mailboxes WHERE address = target)
       AND NOT EXISTS (SELECT FROM mail.all_aliases WHERE address IN (NEW.destination, target)) THEN
        RAISE EXCEPTION 'the alias % points to %, which does not exist here', NEW.address, NEW.destination
            USING ERRCODE = 'MTREF', HINT = 'add that mailbox first, or correct the address';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER alias_must_end AFTER INSERT OR UPDATE ON mail.aliases
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mail.alias_must_end();
