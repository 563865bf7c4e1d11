-- Run after each migration, once the service's role has been granted what it may do with any table.
-- The audit is only added to. UPDATE of these columns is for programs of the release before, which
-- complete their entries in place; a trigger refuses it for every other entry.
REVOKE UPDATE, DELETE ON {schema}.audit, {schema}.audit_outcome FROM {role};
GRANT UPDATE (status, asked, outcome) ON {schema}.audit TO {role};
