-- Domains, mailboxes, aliases: what this tenant's mail daemons look up.
--
-- Everything lives in schema `mail`, which only the owner and `mailadmin` may enter. The daemons see the views of schema
-- `public` (006). Addresses are lower case, so that every lookup is a plain index read.

-- One syntax for every address: the printable subset that no map, path or query of the mail system gives a meaning to.
-- `/` would leave the Maildir, `%` starts a Dovecot variable, `|` a pipe, `"` and `\` quoting: all are refused.
CREATE FUNCTION mail.is_domain(name text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT length(name) <= 253
       AND name ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
$$;

CREATE FUNCTION mail.is_address(address text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT length(address) <= 254
       AND length(split_part(address, '@', 1)) <= 64
       AND address ~ '^[a-z0-9_''&=+~][a-z0-9_''&=+~-]*(\.[a-z0-9_''&=+~-]+)*@[^@]+$'
       AND mail.is_domain(split_part(address, '@', 2))
$$;

-- A mailbox is also a folder, and `+` separates its sub-addresses (Postfix recipient_delimiter).
CREATE FUNCTION mail.is_mailbox_address(address text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT mail.is_address(address) AND split_part(address, '@', 1) !~ '[+=~]'
$$;

CREATE TABLE mail.domains (
    name text PRIMARY KEY CONSTRAINT domains_name_valid CHECK (mail.is_domain(name)),
    -- Off: no longer in the stack file, kept because mailboxes or aliases still hang on it.
    active boolean NOT NULL DEFAULT true,
    -- The order in the stack file: the first one is home of the built-in postmaster mailbox.
    position integer NOT NULL
);

CREATE TABLE mail.mailboxes (
    address text PRIMARY KEY CONSTRAINT mailboxes_address_valid CHECK (mail.is_mailbox_address(address)),
    local_part text NOT NULL GENERATED ALWAYS AS (split_part(address, '@', 1)) STORED,
    domain text NOT NULL GENERATED ALWAYS AS (split_part(address, '@', 2)) STORED
        CONSTRAINT mailboxes_domain_known REFERENCES mail.domains (name),
    name text NOT NULL DEFAULT '' CONSTRAINT mailboxes_name_valid CHECK (length(name) <= 200 AND name !~ '[[:cntrl:]]'),
    -- `{SCHEME}hash` as Dovecot verifies it; null: receives mail, nobody can log in.
    password text CONSTRAINT mailboxes_password_valid
        CHECK (password ~ '^\{[A-Z0-9-]+(\.(HEX|B64|BASE64))?\}[!-~]+$' AND length(password) <= 1024),
    -- Null: the tenant's default (settings.mailbox_quota_bytes).
    quota_bytes bigint CONSTRAINT mailboxes_quota_positive CHECK (quota_bytes > 0),
    -- Off: no login, no sending. Mail is still delivered, because a refusal would lose it.
    enabled boolean NOT NULL DEFAULT true,
    -- The built-in postmaster mailbox: outside the capacity, never removed.
    role boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mailboxes_domain ON mail.mailboxes (domain);
-- Read for every lookup of an alias.
CREATE INDEX mailboxes_role ON mail.mailboxes (domain) WHERE role;

-- One row a destination. `@domain` is the catch-all of that domain.
CREATE TABLE mail.aliases (
    address text NOT NULL
        CONSTRAINT aliases_address_valid CHECK (mail.is_address(address) OR (address LIKE '@%' AND mail.is_domain(substr(address, 2)))),
    destination text NOT NULL CONSTRAINT aliases_destination_valid CHECK (mail.is_address(destination)),
    domain text NOT NULL GENERATED ALWAYS AS (split_part(address, '@', 2)) STORED
        CONSTRAINT aliases_domain_known REFERENCES mail.domains (name),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (address, destination),
    CONSTRAINT aliases_not_itself CHECK (address <> destination)
);
CREATE INDEX aliases_destination ON mail.aliases (destination);
CREATE INDEX aliases_domain ON mail.aliases (domain);

-- The part of the stack file that the database enforces: one row, written by apply_settings (004).
CREATE TABLE mail.settings (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mailboxes integer NOT NULL CHECK (mailboxes >= 0),
    domains integer NOT NULL CHECK (domains > 0),
    storage_bytes bigint NOT NULL CHECK (storage_bytes > 0),
    mailbox_quota_bytes bigint NOT NULL CHECK (mailbox_quota_bytes > 0),
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- The newest document that was refused, and why; empty as soon as one is accepted.
CREATE TABLE mail.settings_refusal (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    reason text NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT now()
);
