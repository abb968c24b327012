-- The standing session: each second a look at accounts.json and at the counter of changes. Reads only, while nothing changed.
-- It ends at the first error: Postfix's nodes trust the map of lookups only while it lives.
SET client_min_messages = warning;
SET log_min_error_statement = panic;
SET application_name = 'mailtenant operator';
CALL operator.take_settings() \; CALL operator.take_room() \; CALL operator.give_owners() \; CALL operator.give_lookups() \; CALL operator.give_pauses() \watch interval=1
