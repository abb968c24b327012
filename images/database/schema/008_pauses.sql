-- Who may not send for now. A switch of the day's work (a stolen password, a complaint), so it lives here and not in the stack
-- file: it holds within seconds, and no `up` undoes it.

CREATE TABLE mail.pauses (
    scope text NOT NULL CONSTRAINT pauses_scope_known CHECK (scope IN ('mailbox', 'domain', 'tenant')),
    -- Address, domain name, or empty for the whole tenant. No reference: what is removed and made again stays paused.
    name text NOT NULL CONSTRAINT pauses_name_fits CHECK (
        CASE scope WHEN 'mailbox' THEN mail.is_mailbox_address(name) WHEN 'domain' THEN mail.is_domain(name) ELSE name = '' END),
    reason text NOT NULL DEFAULT '' CONSTRAINT pauses_reason_valid CHECK (length(reason) <= 200 AND reason !~ '[[:cntrl:]]'),
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, name)
);
GRANT SELECT, INSERT (scope, name, reason), DELETE ON mail.pauses TO mailadmin;

-- `mailbox ADDRESS`, `domain NAME` or `tenant` a line, below a first line that tells an empty list from none at all.
CREATE PROCEDURE operator.give_pauses() LANGUAGE plpgsql AS $$
BEGIN
    IF NOT operator.changed('pauses', (SELECT coalesce(string_agg(scope || ' ' || name, ',' ORDER BY scope, name), '-') FROM mail.pauses)) THEN
        RETURN;
    END IF;
    COPY (
        SELECT line FROM (
            SELECT '# who may not send' AS line, 0 AS place
            UNION ALL
            SELECT trim(scope || ' ' || name), 1 FROM mail.pauses
        ) AS lines ORDER BY place, line
    ) TO PROGRAM 'umask 022 && cat >/run/owners/.paused.map.new && mv -f /run/owners/.paused.map.new /run/owners/paused.map';
END
$$;
