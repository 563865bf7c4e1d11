-- What requests may do with tables that have no `tenant_id` (docs/adr/0037). Those that have one are
-- seen to by `migrate`.

-- How far the store is, from where on it is kept, and where it has what: the same for all tenants.
GRANT SELECT ON {schema}.event_head TO {requests};
GRANT SELECT ON {schema}.event_floor TO {requests};
GRANT SELECT ON {schema}.event_minute TO {requests};
GRANT SELECT ON {schema}.event_type TO {requests};

-- Segments are found by keys, whose operators are not leakproof: under row-level security an index
-- serves no condition of theirs but that of the policy that comes first, and restrictive ones do.
-- What is looked for is in a variable (`event_store/reading.py`); where none is set, nothing is seen.
DO $$ BEGIN IF NOT EXISTS (
    SELECT FROM pg_policy
    WHERE polname = 'found_rows' AND polrelid = CAST('{schema}.event_segment' AS regclass)
) THEN CREATE POLICY found_rows ON {schema}.event_segment AS RESTRICTIVE FOR SELECT TO {requests}
    USING (keys && CAST(current_setting('csms.keys', true) AS text[])); END IF; END $$;
