CREATE TABLE station (
    station_id text PRIMARY KEY,
    vendor text NOT NULL,
    model text NOT NULL,
    last_seen_at timestamptz NOT NULL
);
CREATE TABLE credential (
    station_id text PRIMARY KEY,
    password_sha256 bytea NOT NULL
);
CREATE TABLE id_token (
    id_token text PRIMARY KEY,
    status text NOT NULL
);
CREATE TABLE status_notification (
    id bigserial PRIMARY KEY,
    station_id text NOT NULL,
    connector_id integer NOT NULL,
    status text NOT NULL,
    error_code text NOT NULL,
    reported_at timestamptz NOT NULL
);
CREATE TABLE transaction (
    transaction_id serial PRIMARY KEY,
    station_id text NOT NULL,
    connector_id integer NOT NULL,
    id_token text NOT NULL,
    meter_start integer NOT NULL,
    started_at timestamptz NOT NULL,
    meter_stop integer,
    stopped_at timestamptz,
    stop_reason text
);
CREATE INDEX ON transaction (station_id);
CREATE TABLE meter_value (
    id bigserial PRIMARY KEY,
    transaction_id integer,
    station_id text NOT NULL,
    connector_id integer NOT NULL,
    sampled_at timestamptz NOT NULL,
    measurand text,
    phase text,
    context text,
    unit text,
    value text NOT NULL
);
CREATE INDEX ON meter_value (transaction_id);
