-- What requests may not do with their tenant's rows (docs/adr/0037): `migrate` lets them change those
-- of every table with a `tenant_id`.

-- The audit is only added to, by requests too.
REVOKE UPDATE, DELETE ON {schema}.audit, {schema}.audit_outcome FROM {requests};

-- What stations and services bring about: no request reads or changes it.
REVOKE SELECT, INSERT, UPDATE, DELETE ON {schema}.transaction_starts, {schema}.upload_attempts
    FROM {requests};
REVOKE INSERT, UPDATE, DELETE ON {schema}.uploads FROM {requests};
REVOKE SELECT, UPDATE, DELETE ON {schema}.upload_tokens FROM {requests};

-- Commands are stored, and end, by the service's own role: in batches with those of other tenants.
REVOKE INSERT, UPDATE, DELETE ON {schema}.commands FROM {requests};

-- Sessions begin with a log-in, which acts for nobody yet.
REVOKE INSERT ON {schema}.user_session FROM {requests};

-- What is sent to many stations is asked for, and cancelled, by requests.
REVOKE DELETE ON {schema}.command_group FROM {requests};
