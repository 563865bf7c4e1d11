"""Sessions of users; an audit that tells before and after, and that the service can't change.

Programs of the release before complete their entries in place: the trigger lets them do so once,
for entries of their own.
"""

from alembic import op

revision = "0013_sessions_and_audit"
down_revision = "0012_intents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE user_session (
            id uuid PRIMARY KEY,
            tenant_id text NOT NULL DEFAULT 'default',
            username text NOT NULL REFERENCES users ON DELETE CASCADE,
            user_version integer NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL,
            seen_at timestamptz NOT NULL DEFAULT now(),
            address text NOT NULL,
            user_agent text NOT NULL,
            CONSTRAINT user_session_created_at_finite CHECK (isfinite(created_at)),
            CONSTRAINT user_session_expires_at_finite CHECK (isfinite(expires_at)),
            CONSTRAINT user_session_seen_at_finite CHECK (isfinite(seen_at))
        )
        """
    )
    op.execute("CREATE INDEX user_session_of_user ON user_session (username, created_at)")
    op.execute("CREATE INDEX user_session_by_end ON user_session (expires_at)")
    op.execute(
        "ALTER TABLE audit ADD COLUMN tenant_id text NOT NULL DEFAULT 'default', "
        "ADD COLUMN principal_name text, ADD COLUMN request_id text, "
        "ADD COLUMN target_type text, ADD COLUMN target_id text, ADD COLUMN before json"
    )
    op.execute(
        """
        CREATE TABLE audit_outcome (
            audit_id bigint PRIMARY KEY REFERENCES audit ON DELETE CASCADE,
            tenant_id text NOT NULL DEFAULT 'default',
            at timestamptz NOT NULL DEFAULT now(),
            status smallint NOT NULL,
            target_id text,
            after json,
            outcome json,
            CONSTRAINT audit_outcome_at_finite CHECK (isfinite(at))
        )
        """
    )
    op.execute(
        "CREATE INDEX audit_outcome_of_target ON audit_outcome (target_id) "
        "WHERE target_id IS NOT NULL"
    )
    op.execute(
        """
        CREATE FUNCTION audit_is_completed_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.status IS NOT NULL OR OLD.request_id IS NOT NULL THEN
                RAISE insufficient_privilege USING MESSAGE = 'entries of the audit do not change';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER audit_is_completed_once BEFORE UPDATE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_is_completed_once()"
    )
    # Whoever calls it can't make it delete what is younger than a day.
    op.execute(
        """
        CREATE FUNCTION purge_audit(older_than_days integer, at_most integer) RETURNS boolean
        LANGUAGE sql SECURITY DEFINER SET search_path = command, pg_temp AS $$
            WITH deleted AS (
                DELETE FROM audit WHERE ctid = ANY(ARRAY(
                    SELECT ctid FROM audit
                    WHERE at < now() - make_interval(days => greatest(older_than_days, 1))
                    ORDER BY at LIMIT at_most))
                RETURNING 1)
            SELECT count(*) > 0 FROM deleted
        $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION purge_audit(integer, integer) FROM PUBLIC")
