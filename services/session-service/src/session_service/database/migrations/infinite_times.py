"""What infinities in the tables become: times of the years 1 and 9999 that came from outside."""

# ruff: noqa: S608 - statements are joined from constants of this module

from sqlalchemy import Connection, text

# What `csms_shared.values.times.bounded` made of them when this was written.
_BOUNDED = (
    "CASE {0} WHEN '-infinity' THEN '1969-12-31T00:00:00Z'::timestamptz "
    "WHEN 'infinity' THEN '9999-12-31T23:59:59.999Z'::timestamptz ELSE {0} END"
)
_EITHER = "IN ('-infinity', 'infinity')"

_STATEMENTS = (
    f"UPDATE id_token SET expires_at = {_BOUNDED.format('expires_at')} WHERE expires_at {_EITHER}",
    # A stop was judged against a start of no time, or the reverse.
    f"""
    UPDATE transaction AS t SET
        started_at = CASE WHEN isfinite(started_at) THEN started_at ELSE received_at END,
        stopped_at = CASE WHEN stopped_at {_EITHER} THEN coalesce(
            (SELECT min(s.received_at) FROM stop AS s WHERE s.transaction_id = t.id
                AND s.epoch = t.stop_epoch AND s.seq = t.stop_seq),
            received_at) ELSE stopped_at END,
        token_expires_at = {_BOUNDED.format("token_expires_at")},
        flags = CASE WHEN started_at {_EITHER} OR stopped_at {_EITHER} THEN ARRAY(
            SELECT DISTINCT flag FROM unnest(flags || CASE
                WHEN 'infinity' IN (started_at, stopped_at) THEN ARRAY['unreadable_time']
                ELSE '{{}}'::text[] END) AS flag
            WHERE flag <> 'stop_before_start' ORDER BY flag) ELSE flags END
    WHERE started_at {_EITHER} OR stopped_at {_EITHER} OR token_expires_at {_EITHER}
    """,
    f"UPDATE reservation SET expires_at = {_BOUNDED.format('expires_at')}, "
    f"ended_at = {_BOUNDED.format('ended_at')} "
    f"WHERE expires_at {_EITHER} OR ended_at {_EITHER}",
    *(
        statement
        for infinity in ("-infinity", "infinity")
        for statement in (
            "UPDATE meter_value AS m SET sampled_at = received_at "
            f"WHERE sampled_at = '{infinity}' AND NOT EXISTS (SELECT FROM meter_value AS twin "
            "WHERE twin.sampled_at = m.received_at AND twin.digest = m.digest)",
            # The same value of the same moment is there.
            f"DELETE FROM meter_value WHERE sampled_at = '{infinity}'",
        )
    ),
)


def mend_infinite_times(connection: Connection) -> None:
    """Give every infinite time that came from outside the value that it would have today."""
    for statement in _STATEMENTS:
        connection.execute(text(statement))
