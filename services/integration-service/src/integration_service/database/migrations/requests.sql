-- What requests may do with tables that have no `tenant_id` (docs/adr/0037). Those that have one are
-- seen to by `migrate`.

-- How far the store is, from where on it is kept, and where it has what: the same for all tenants.
GRANT SELECT ON {schema}.event_head TO {requests};
GRANT SELECT ON {schema}.event_floor TO {requests};
GRANT SELECT ON {schema}.event_minute TO {requests};
GRANT SELECT ON {schema}.event_type TO {requests};
