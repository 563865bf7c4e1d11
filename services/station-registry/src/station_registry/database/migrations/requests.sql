-- What requests may do with tenants (docs/adr/0037): see their own, and keep it as it is while they
-- create a station. No lock without a right to change some column; nothing goes by this one.
REVOKE INSERT, UPDATE, DELETE ON {schema}.tenant FROM {requests};
GRANT UPDATE (updated_at) ON {schema}.tenant TO {requests};
