"""Firmware, diagnostics and log jobs, and rollouts of firmware."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    Interval,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from station_registry.database.metadata import metadata, station_id_column, tenant_id_column

# `job_id` is the id of the command that starts the job. `command_end` is null until that has ended.
station_job = Table(
    "station_job",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    station_id_column(),
    tenant_id_column(),
    Column("kind", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("request_id", BigInteger),
    Column("location", Text, nullable=False),
    Column("file_name", Text),
    Column("rollout_id", Uuid),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(True), nullable=False),
    Column("not_before", DateTime(True)),
    Column("timeout", Interval, nullable=False),
    Column("deadline", DateTime(True), nullable=False),
    Column("command_end", Text),
    Column("command_reason", Text),
    Column("no_file", Boolean, nullable=False, server_default=text("false")),
    Column("sent_at", DateTime(True)),
    Column("timed_out_at", DateTime(True)),
    Column("cancelled_at", DateTime(True)),
    Column("status", Text, nullable=False),
    Column("station_status", Text),
    Column("result", Text),
    Column("finished_at", DateTime(True)),
    Index("station_job_of_tenant", "tenant_id", "job_id"),
    Index("station_job_of_station", "station_id", "kind", "job_id"),
    Index("station_job_of_rollout", "rollout_id", "job_id"),
    Index(
        "station_job_open",
        "deadline",
        postgresql_where=text("status IN ('ordered', 'started', 'running')"),
    ),
    Index("station_job_by_status", "status", "job_id"),
    Index(
        "station_job_of_rollout_by_status",
        "rollout_id",
        "status",
        postgresql_where=text("rollout_id IS NOT NULL"),
    ),
    Index(
        "station_job_open_of_rollout",
        "rollout_id",
        postgresql_where=text(
            "rollout_id IS NOT NULL AND status IN ('ordered', 'started', 'running')"
        ),
    ),
    # What may change without a report or an end of its own.
    Index(
        "station_job_unsettled",
        "station_id",
        postgresql_where=text("status IN ('ordered', 'started', 'running', 'timed_out')"),
    ),
    # In the order in which the jobs of a station take reports, without those that it never began.
    Index(
        "station_job_in_order",
        "station_id",
        "kind",
        text("(command_end IS NOT NULL)"),
        text("(coalesce(sent_at, created_at))"),
        "job_id",
        postgresql_where=text("command_end IS NULL OR command_end IN ('accepted', 'unknown')"),
    ),
    Index(
        "station_job_of_request",
        "station_id",
        "kind",
        "request_id",
        postgresql_where=text("request_id IS NOT NULL"),
    ),
)

# Kept also while no job is known that it belongs to: a report may overtake its command's end.
station_job_report = Table(
    "station_job_report",
    metadata,
    Column("connection_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    station_id_column(),
    Column("epoch", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("request_id", BigInteger),
    Column("status", Text, nullable=False),
    Column("received_at", DateTime(True), nullable=False),
    Column("job_id", Uuid),
    PrimaryKeyConstraint("connection_id", "seq", name="station_job_report_pkey"),
    Index("station_job_report_of_station", "station_id", "received_at"),
    Index("station_job_report_of_job", "job_id", "epoch", "seq"),
    Index("station_job_report_by_time", "received_at"),
    Index("station_job_report_in_order", "station_id", "kind", "epoch", "seq"),
    Index(
        "station_job_report_of_success",
        "job_id",
        "epoch",
        "seq",
        postgresql_where=text("status IN ('Installed', 'Uploaded')"),
    ),
)

firmware_rollout = Table(
    "firmware_rollout",
    metadata,
    Column("rollout_id", Uuid, primary_key=True),
    tenant_id_column(),
    Column("name", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("timeout_s", Integer, nullable=False),
    Column("send_within_s", Integer, nullable=False),
    Column("concurrency", Integer, nullable=False),
    Column("stop_after_failures", Integer),
    Column("failures_forgiven", Integer, nullable=False, server_default="0"),
    Column("status", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(True), nullable=False),
    Column("finished_at", DateTime(True)),
    Index("firmware_rollout_of_tenant", "tenant_id", "rollout_id"),
    Index(
        "firmware_rollout_stopped",
        "tenant_id",
        "rollout_id",
        postgresql_where=text("status = 'stopped'"),
    ),
    Index("firmware_rollout_running", "rollout_id", postgresql_where=text("status = 'running'")),
)

firmware_rollout_station = Table(
    "firmware_rollout_station",
    metadata,
    Column("rollout_id", Uuid, nullable=False),
    station_id_column(),
    Column("job_id", Uuid),
    PrimaryKeyConstraint("rollout_id", "station_id", name="firmware_rollout_station_pkey"),
    Index(
        "firmware_rollout_station_waiting",
        "rollout_id",
        "station_id",
        postgresql_where=text("job_id IS NULL"),
    ),
)
