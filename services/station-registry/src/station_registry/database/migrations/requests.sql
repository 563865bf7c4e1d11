-- What requests may do with tenants (docs/adr/0037): see their own, and keep it as it is while they
-- create a station. No lock without a right to change some column; nothing goes by this one.
REVOKE INSERT, UPDATE, DELETE ON {schema}.tenant FROM {requests};
GRANT UPDATE (updated_at) ON {schema}.tenant TO {requests};

-- What requests tell and order leaves by the outbox, of which they are told the ids of rows.
GRANT INSERT, SELECT (id) ON {schema}.outbox TO {requests};

-- The deployment's: whether a connection counts goes by its gateway.
GRANT SELECT ON {schema}.gateway TO {requests};

-- Numbers that all tenants share.
GRANT USAGE ON SEQUENCE {schema}.station_job_request_id, {schema}.station_history_id TO {requests};

-- Whose these are follows from stations, jobs and rollouts.
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.certificate_listing, {schema}.configuration_value,
    {schema}.connector, {schema}.firmware_rollout_station, {schema}.installed_certificate,
    {schema}.station_job_report, {schema}.station_liveness,
    {schema}.tolerance TO {requests};
SELECT {schema}.secure_by_parent($${role}$$, $${requests}$$, $${schema}.certificate_listing$$,
    $${schema}.station$$, 'station_id');
SELECT {schema}.secure_by_parent($${role}$$, $${requests}$$, $${schema}.configuration_value$$,
    $${schema}.station$$, 'station_id');
SELECT {schema}.secure_by_parent($${role}$$, $${requests}$$, $${schema}.connector$$,
    $${schema}.station$$, 'station_id');
SELECT {schema}.secure_by_parent($${role}$$, $${requests}$$, $${schema}.firmware_rollout_station$$,
    $${schema}.firmware_rollout$$, 'rollout_id');
SELECT {schema}.secure_by_parent($${role}$$, $${requests}$$, $${schema}.installed_certificate$$,
    $${schema}.station$$, 'station_id');
SELECT {schema}.secure_by_parent($${role}$$, $${requests}$$, $${schema}.station_job_report$$,
    $${schema}.station_job$$, 'job_id');
SELECT {schema}.secure_by_parent($${role}$$, $${requests}$$, $${schema}.station_liveness$$,
    $${schema}.station$$, 'station_id');
SELECT {schema}.secure_by_parent($${role}$$, $${requests}$$, $${schema}.tolerance$$,
    $${schema}.station$$, 'station_id');
