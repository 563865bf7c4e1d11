"""What a page of a station's history reads, however much is stored, and however long ago."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
from statements import brief, explained

from csms_shared.contracts.history import ListHistory
from csms_shared.db.cursors import encode_cursor
from csms_shared.db.engine import create_engine
from csms_shared.db.migrate import migrate
from station_registry.database import MIGRATIONS, SCHEMA
from station_registry.history import store as history

DAYS = 400
ROWS = 100_000
LIMIT = 50
NOW = datetime.now(UTC)

# Half of all rows are of one station that never rests.
_FILL = f"""
INSERT INTO station_history (station_id, received_at, kind, status, connection_id, epoch,
    evse_id, connector_id, error_code, station_time, occurred_at)
SELECT CASE WHEN n % 2 = 0 THEN 'RESTLESS' ELSE 'CS-' || n % 1999 END,
    now() - n * make_interval(secs => {DAYS * 86_400 / ROWS}), 'connector_status', 'Available',
    md5(n::text), 1, 1, 1, 'NoError', now()::text, now()
FROM generate_series(1, {ROWS}) AS n
"""


@pytest.fixture
async def filled_url(fresh_database_url: str) -> str:
    """URL of the service's role in a database with a year and more of changes."""
    url = f"postgresql://csms_registry:secret-of-registry@{fresh_database_url.rpartition('@')[2]}"
    await migrate(fresh_database_url, url, SCHEMA, MIGRATIONS)
    owner = await asyncpg.connect(fresh_database_url, server_settings={"search_path": SCHEMA})
    try:
        await owner.execute(f"SELECT make_station_history_partitions({DAYS // 7 + 1}, 8)")
        await owner.execute(_FILL)
        await owner.execute("VACUUM ANALYZE station_history")
    finally:
        await owner.close()
    return url


async def test_a_page_reads_what_it_shows_and_a_row_of_each_week(filled_url: str) -> None:
    half = NOW - timedelta(days=DAYS / 2)
    asked: list[dict[str, Any]] = [
        {"station_id": "RESTLESS"},
        {"station_id": "RESTLESS", "cursor": encode_cursor(half, 1)},
        {"station_id": "RESTLESS", "from_time": half - timedelta(days=60), "to_time": half},
        {"station_id": "RESTLESS", "to_time": NOW - timedelta(days=DAYS - 60)},
        {"station_id": "CS-7"},
        {"station_id": "nobody"},
    ]
    engine = create_engine(filled_url, SCHEMA, name="test", pool_size=2)
    try:
        for query in asked:
            one = ListHistory.model_validate({"limit": LIMIT, **query})
            ((_, nodes),) = await explained(
                engine, filled_url, SCHEMA, partial(history.page, query=one)
            )
            leaves = [node for node in nodes if "Relation Name" in node]
            read = sum(
                (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
                for node in leaves
            )
            assert read <= LIMIT + 1 + len(leaves), (query, brief(nodes))
    finally:
        await engine.dispose()
