"""Which transaction of the database changed a row last: what readers of changes go on from."""

from alembic import op

revision = "0009_changes"
down_revision = "0008_decided_starts_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # A constant first: rows of before are not written again for it.
    op.execute("ALTER TABLE transaction ADD COLUMN changed_xid xid8 NOT NULL DEFAULT '0'")
    op.execute("ALTER TABLE transaction ALTER changed_xid SET DEFAULT pg_current_xact_id()")
    # A trigger, for programs of the version before write to this table too.
    op.execute(
        "CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN NEW.changed_xid := pg_current_xact_id(); RETURN NEW; END $$"
    )
    op.execute("REVOKE ALL ON FUNCTION note_change() FROM PUBLIC")
    op.execute(
        "CREATE TRIGGER transaction_changed BEFORE UPDATE ON transaction FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION note_change()"
    )
    op.execute("CREATE TABLE change_history (id uuid PRIMARY KEY)")
    op.execute("INSERT INTO change_history VALUES (gen_random_uuid())")
