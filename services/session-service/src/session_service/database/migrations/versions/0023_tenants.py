"""Rows name their tenant, or are seen where the transaction that they belong to is."""

from alembic import op

revision = "0023_tenants"
down_revision = "0022_places"
branch_labels = None
depends_on = None

# A constant default: no row is written anew, and what older programs write is of that tenant.
_OF_TENANT = "ADD COLUMN IF NOT EXISTS tenant_id text NOT NULL DEFAULT 'default'"
_TABLES = (
    "transaction",
    "id_token",
    "reservation",
    "reservation_cancellation",
    "reservation_outage",
    "charging_profile",
    "charging_clearing",
    "reported_schedule",
    "quarantine",
    "local_list",
    "local_list_content",
)

# Stops and meter values have no column: on the path of stations it would be one more to write for
# each value, and could differ from their transaction's. Connectors stay with their station, whoever
# has it. The policies ask for the transaction as the role that reads, so that its own policies hold
# there. `requests.sql` calls this for each, for the roles are not known here; idempotent.
_SECURE = """
CREATE OR REPLACE FUNCTION secure_by_transactions(
    service regrole, requests regrole, child regclass, condition text
) RETURNS void LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_policy WHERE polrelid = child AND requests = ANY(polroles)) THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', child);
    EXECUTE format('CREATE POLICY %I ON %s TO %s USING (true) WITH CHECK (true)',
        'all_rows_' || service, child, service);
    EXECUTE format('CREATE POLICY %I ON %s TO %s USING (EXISTS (SELECT FROM transaction WHERE %s))',
        'own_rows_' || requests, child, requests, condition);
END $$
"""

# Lists of a tenant go by indexes of its own, however much the others have.
_INDEXES = {
    "transaction_of_tenant": "transaction (tenant_id, started_at, id)",
    "transaction_of_tenant_by_change": "transaction (tenant_id, changed_xid, id)",
    "transaction_of_tenant_by_stop": "transaction (tenant_id, stopped_at, id)",
    "transaction_of_tenant_by_site": "transaction (tenant_id, site_id, started_at, id) "
    "WHERE site_id IS NOT NULL",
    "transaction_of_tenant_unfinished": "transaction (tenant_id, status, started_at, id) "
    "WHERE status <> 'completed'",
    "id_token_of_tenant": "id_token (tenant_id, key)",
    "reservation_of_tenant": "reservation (tenant_id, id)",
    "quarantine_of_tenant": "quarantine (tenant_id, received_at, id)",
    "quarantine_of_tenant_as_sent": "quarantine (tenant_id, station_id, (kind <> 'stop'), epoch, "
    "seq, id) WHERE status = 'open'",
}


def upgrade() -> None:
    # Each table by itself: whoever has locked two of them in another order would wait for this.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '5s'")
        for table in _TABLES:
            op.execute(f"ALTER TABLE {table} {_OF_TENANT}")
        op.execute("RESET lock_timeout")
        for name, rows in _INDEXES.items():
            # One that an interrupted migration has left behind is not valid.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
    connection = op.get_bind()
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    connection.exec_driver_sql(_SECURE.format(schema=schema))
