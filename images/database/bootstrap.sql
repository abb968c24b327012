-- Before the migrations, at every start, and harmless when repeated: roles, their limits, and where migrations are noted.
-- Run in database `mail` by the owner.

-- No statement is logged here, not even a failing one: one of them holds the reader's password.
SET log_statement = none;
SET log_min_error_statement = panic;
SET client_min_messages = warning;

SELECT format('CREATE ROLE %I LOGIN', role) FROM (VALUES ('mailadmin'), ('mailreader')) AS wanted (role)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec

\set reader_password `cat /run/secrets-in/reader.password`
ALTER ROLE mailreader PASSWORD :'reader_password' CONNECTION LIMIT :reader_connections;
ALTER ROLE mailreader SET default_transaction_read_only = on;
ALTER ROLE mailreader SET statement_timeout = '5s';
ALTER ROLE mailreader SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE mailadmin SET statement_timeout = '60s';
ALTER ROLE mailadmin SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE mailadmin SET lock_timeout = '20s';

-- PostgreSQL lets everyone connect, make temporary tables, run functions and write large objects. Here nobody does unasked.
REVOKE ALL ON DATABASE mail, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE mail TO mailreader, mailadmin;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS mail;
CREATE TABLE IF NOT EXISTS mail.schema_migrations (
    name text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);
