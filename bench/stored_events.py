"""A store of events as a fleet leaves it, made by the database itself in the store's own tables.

Facts of all days, and measurements of the last six: older ones are deleted by then (after seven
days), and their positions are gaps. Each station tells 20 facts and 180 measurements a day, spread
evenly over the day: 180 are three sessions of an hour with values each minute. A step of `STEP`
positions holds a segment of two facts and two of nine measurements, which at 10,000 stations are
told within 0.86 s. Then VACUUM, ANALYZE and CHECKPOINT.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

FACTS_A_DAY = 20
MEASUREMENTS_A_DAY = 180
MEASURED_DAYS = 6
FACTS, MEASUREMENTS = 2, 9
STEP = 20
DAY = timedelta(days=1)
RARE = "reservation.expired"
_SOURCE = "/csms/session-service"
CHARGING = "transaction.*"
# What a station tells in a day: one of three sessions, and what is beside them.
_SESSION = (
    "transaction.started",
    "connector.status_changed",
    "transaction.updated",
    "connector.status_changed",
)
_KEYS = (*_SESSION * 4, "station.connected", "station.offline", "station.booted", "job.completed")
_MEASUREMENT = "meter_values.received"
STEPS_PER_STATEMENT = 20_000
STATEMENT_SECONDS = 300.0
# `make_event_partitions` makes no more ahead of the head.
_PARTITIONS_AT_ONCE = 10_000_000

_SEGMENTS = f"""
    INSERT INTO integration.event_segment
        (kept, position, first_position, tenant_id, keys, ids, events, stored_at)
    SELECT $1, {STEP} * step + $4 + $5 - 1, {STEP} * step + $4, 'default',
        array_agg(DISTINCT 's ' || subject) || array_agg(DISTINCT 't ' || key),
        string_agg(decode(md5(source || E'\\n' || id), 'hex'), '' ORDER BY n),
        convert_to(string_agg(key || E'\\t"' || subject || E'"\\t{{"specversion":"1.0","id":"' || id
            || '","source":"' || source || '","type":"csms.' || key || '.v1","subject":"' || subject
            || '","time":"' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
            || '","tenantid":"default","datacontenttype":"application/json","data":{{"connector_id"'
            || ':1,"transaction_id":' || n || ',"values":[{{"measurand":"'
            || 'Energy.Active.Import.Register","unit":"Wh","value":"' || n || '"}}]}}}}',
            E'\\n' ORDER BY n), 'UTF8'),
        at
    FROM generate_series($2::bigint, $3::bigint) AS step,
        LATERAL (SELECT $6::timestamptz + step * $7::interval AS at) AS time,
        LATERAL (SELECT step * $8 + $9 + one AS n FROM generate_series(0, $5 - 1) AS one) AS number,
        LATERAL (SELECT CASE WHEN $1 = 'facts' AND n % (10 * $10) = 0 THEN $12
            ELSE ($11::text[])[1 + (n / $10 + n) % cardinality($11)] END AS key,
            $13 || lpad((n % $10)::text, 6, '0') AS subject, '{_SOURCE}' AS source,
            md5($1 || n)::uuid::text AS id) AS event
    GROUP BY step, at
    ORDER BY step
"""  # noqa: S608 - a number of this file
_MINUTES = f"""
    INSERT INTO integration.event_minute (minute, source, least, greatest)
    SELECT date_trunc('minute', $3::timestamptz + step * $4::interval), '{_SOURCE}',
        min(step) * {STEP}, max(step) * {STEP} + {STEP - 1}
    FROM generate_series($1::bigint, $2::bigint) AS step GROUP BY 1
    ON CONFLICT (minute, source) DO UPDATE SET greatest = excluded.greatest
"""  # noqa: S608 - numbers of this file


@dataclass(frozen=True, slots=True)
class StoredEvents:
    """What is stored: steps 1 to `steps`, the last of them told when it was made."""

    prefix: str
    stations: int
    days: int
    began_at: datetime

    @property
    def steps_a_day(self) -> int:
        """Return in how many steps each station tells what it tells in a day."""
        return self.stations * FACTS_A_DAY // FACTS

    @property
    def steps(self) -> int:
        """Return how many steps there are."""
        return self.days * self.steps_a_day

    @property
    def spacing(self) -> timedelta:
        """Return the time between two steps."""
        return DAY / self.steps_a_day

    @property
    def first_measured(self) -> int:
        """Return the first step whose measurements are kept."""
        return self.steps - min(self.days, MEASURED_DAYS) * self.steps_a_day + 1

    @property
    def head(self) -> int:
        """Return the newest position."""
        return STEP * self.steps + STEP - 1

    def before(self, steps: int) -> datetime:
        """Return a time before exactly the newest so many steps."""
        return self.began_at + (self.steps - steps + 0.5) * self.spacing

    def facts(self, newest: int, keys: frozenset[str]) -> int:
        """Count the facts of the newest so many steps that have one of these routing keys."""
        first = FACTS * (self.steps - newest + 1)
        return sum(self._key(n) in keys for n in range(first, FACTS * (self.steps + 1)))

    def _key(self, number: int) -> str:
        if number % (10 * self.stations) == 0:
            return RARE
        return _KEYS[(number // self.stations + number) % len(_KEYS)]


def charging_keys() -> frozenset[str]:
    """Return the routing keys that `CHARGING` means."""
    return frozenset(key for key in _KEYS if key.startswith("transaction."))


async def store_events(database_url: str, stations: int, days: int) -> StoredEvents:
    """Let the store hold nothing but such a fleet's events; nobody may store any meanwhile."""
    began_at = datetime.now(UTC) - days * DAY
    stored = StoredEvents(f"h{stations}-", stations, days, began_at)
    connection = await asyncpg.connect(database_url, command_timeout=STATEMENT_SECONDS)
    try:
        await connection.execute("SET synchronous_commit = off; SET work_mem = '128MB'")
        await _empty(connection)
        await _make_partitions(connection, stored)
        await _fill(connection, stored)
        await _end(connection, stored)
    finally:
        await connection.close()
    return stored


async def _empty(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.execute("TRUNCATE integration.event_segment, integration.event_minute")
    await connection.execute("UPDATE integration.event_head SET position = 0")


async def _make_partitions(
    connection: "asyncpg.Connection[asyncpg.Record]", stored: StoredEvents
) -> None:
    made = 0
    while made <= stored.head:
        await connection.execute("UPDATE integration.event_head SET position = $1", made)
        made = await connection.fetchval(
            "SELECT integration.make_event_partitions($1)", made + _PARTITIONS_AT_ONCE
        )


async def _fill(connection: "asyncpg.Connection[asyncpg.Record]", stored: StoredEvents) -> None:
    common = (stored.began_at, stored.spacing)
    beside = (STEP - FACTS) // MEASUREMENTS
    for first in range(1, stored.steps + 1, STEPS_PER_STATEMENT):
        last = min(first + STEPS_PER_STATEMENT - 1, stored.steps)
        names = (stored.stations, [*_KEYS], RARE, stored.prefix)
        await connection.execute(
            _SEGMENTS, "facts", first, last, 0, FACTS, *common, FACTS, 0, *names
        )
        measured = max(first, stored.first_measured)
        names = (stored.stations, [_MEASUREMENT], RARE, stored.prefix)
        for part in range(beside) if measured <= last else ():
            at = FACTS + part * MEASUREMENTS
            numbers = (beside * MEASUREMENTS, part * MEASUREMENTS)
            await connection.execute(
                *(_SEGMENTS, "measurements", measured, last, at, MEASUREMENTS),
                *(*common, *numbers, *names),
            )
        await connection.execute(_MINUTES, first, last, *common)


async def _end(connection: "asyncpg.Connection[asyncpg.Record]", stored: StoredEvents) -> None:
    """Say how far the store is, and that subscribers were told of everything."""
    await connection.execute(
        "INSERT INTO integration.event_type SELECT unnest($1::text[]) ON CONFLICT DO NOTHING",
        [*{*_KEYS, RARE, _MEASUREMENT}],
    )
    for statement in (
        "UPDATE integration.event_head SET position = $1",
        "UPDATE integration.public_feed SET position = $1",
    ):
        await connection.execute(statement, stored.head)
    floors = {"facts": STEP - 1, "measurements": STEP * stored.first_measured - 1}
    for kept, floor in floors.items():
        await connection.execute(
            "UPDATE integration.event_floor SET position = $2 WHERE kept = $1", kept, floor
        )
    for statement in (
        "VACUUM (ANALYZE) integration.event_segment",
        "VACUUM (ANALYZE) integration.event_minute",
        "CHECKPOINT",
    ):
        await connection.execute(statement)
