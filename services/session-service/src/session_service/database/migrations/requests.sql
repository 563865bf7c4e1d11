-- What requests may do with tables that have no `tenant_id` (docs/adr/0037). Those that have one are
-- seen to by `migrate`.

-- What requests tell and order leaves by the outbox, of which they are told the ids of rows.
GRANT INSERT, SELECT (id) ON {schema}.outbox TO {requests};

-- What a batch of a bulk action has done is known by an id that has the tenant in it.
GRANT SELECT, INSERT, UPDATE ON {schema}.bulk_action TO {requests};

-- One row, the same for all.
GRANT SELECT ON {schema}.change_history TO {requests};

-- On which days values of a week came, of all stations: reports of the quarantine bring values.
GRANT SELECT, INSERT ON {schema}.meter_value_week TO {requests};

-- Whose these are follows from transactions: nothing of a transaction that a request does not see,
-- and no connector of a station that has none for its tenant.
GRANT SELECT ON {schema}.connector TO {requests};
GRANT SELECT, INSERT ON {schema}.stop TO {requests};
GRANT SELECT, INSERT ON {schema}.meter_value TO {requests};
SELECT {schema}.secure_by_transactions($${role}$$, $${requests}$$, $${schema}.connector$$,
    'transaction.station_id = connector.station_id');
SELECT {schema}.secure_by_transactions($${role}$$, $${requests}$$, $${schema}.stop$$,
    'transaction.id = stop.transaction_id');
SELECT {schema}.secure_by_transactions($${role}$$, $${requests}$$, $${schema}.meter_value$$,
    'transaction.id = meter_value.transaction_id');
