-- What a restore does in this schema (docs/adr/0013-restore.md). `csms-restore` calls both functions
-- in its own transaction, and says what they are given.
CREATE FUNCTION pg_temp.note_command() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('command.users') IS NOT NULL THEN
        INSERT INTO pg_temp.given_out (counter)
        SELECT coalesce(max(version), 0) FROM command.users;
    END IF;
END $$;

CREATE FUNCTION pg_temp.after_restore_of_command(last_id bigint, counter bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Log-ins that were ended after the backup stay ended: all of before it have.
    UPDATE command.users SET version = counter;
    EXECUTE format('ALTER TABLE command.users ALTER version SET DEFAULT %s', counter);
    IF to_regclass('command.user_session') IS NOT NULL THEN
        DELETE FROM command.user_session;
    END IF;

    -- What was open may have been written to its station after the backup: nothing is sent again,
    -- the sweeper ends it as `outcome_unknown`, and a late answer still finds it.
    UPDATE command.commands SET status = 'pending', held = false, lookup_again = false,
        deadline = least(deadline, now() - interval '1 minute')
    WHERE status IN ('waiting', 'pending');

    -- A group may have come to further stations after the backup: it goes to no more.
    IF to_regclass('command.command_group') IS NOT NULL THEN
        UPDATE command.command_group SET cancelled_at = now()
        WHERE completed_at IS NULL AND cancelled_at IS NULL;
    END IF;

    -- The list of backups stays as the backup has it: those that had ended when it was begun. It is
    -- not in it itself, and neither are those after it, whose files may all be there. Nothing that
    -- is listed is made up by that, and none of it is a promise that a file is there.
END $$;
