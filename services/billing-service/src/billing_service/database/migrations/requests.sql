-- What requests may do with tables that have no `tenant_id` (docs/adr/0037). Those that have one are
-- seen to by `migrate`.

-- What requests tell leaves by the outbox, of which they are told the ids of rows.
GRANT INSERT, SELECT (id) ON {schema}.outbox TO {requests};
