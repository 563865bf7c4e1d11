"""What infinities in the tables become: times of the years 1 and 9999 that came from outside."""

# ruff: noqa: S608 - statements are joined from constants of this module

from sqlalchemy import Connection, text

_EITHER = "IN ('-infinity', 'infinity')"
# What `csms_shared.values.times.bounded` made of them when this was written.
_BOUNDED = (
    "CASE {0} WHEN '-infinity' THEN '1969-12-31T00:00:00Z'::timestamptz "
    "WHEN 'infinity' THEN '9999-12-31T23:59:59.999Z'::timestamptz ELSE {0} END"
)

_STATEMENTS = (
    f"UPDATE security_event SET occurred_at = NULL WHERE occurred_at {_EITHER}",
    f"UPDATE station_job SET not_before = NULL WHERE not_before {_EITHER}",
    *(
        f"UPDATE {table} SET not_before = {_BOUNDED.format('not_before')}, "
        f"not_after = {_BOUNDED.format('not_after')} "
        f"WHERE not_before {_EITHER} OR not_after {_EITHER}"
        for table in ("certificate", "certificate_authority")
    ),
    f"UPDATE installed_certificate SET not_after = {_BOUNDED.format('not_after')} "
    f"WHERE not_after {_EITHER}",
)


def mend_infinite_times(connection: Connection) -> None:
    """Give every infinite time that came from outside the value that it would have today."""
    for statement in _STATEMENTS:
        connection.execute(text(statement))
