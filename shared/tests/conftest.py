"""A schema with one table of numbers and an outbox, and a link to the broker."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.broker.link import Link
from csms_shared.db.engine import create_engine
from csms_shared.db.migrate import migrate

sys.path.extend(str(Path(__file__).parent / folder) for folder in ("broker", "db"))
from outbox_stage import Stage

ENV = "from csms_shared.db.migrate import run_environment\n\nrun_environment()\n"
REVISION = """
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE number (n int PRIMARY KEY CHECK (n <> 13))")
    op.execute(
        "CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "routing_key text NOT NULL, events bytea NOT NULL, event_count int NOT NULL, "
        "created_at timestamptz NOT NULL DEFAULT now(), published_at timestamptz, "
        "stored_at timestamptz)"
    )
    op.execute(
        "CREATE TABLE outbox_deferred (exchange text, routing_key text, outbox_id bigint, "
        "events bytea NOT NULL, event_count int NOT NULL, attempts int NOT NULL DEFAULT 1, "
        "created_at timestamptz NOT NULL DEFAULT now(), "
        "PRIMARY KEY (exchange, routing_key, outbox_id))"
    )
    op.execute(
        "CREATE TABLE parked (id uuid PRIMARY KEY, queue text NOT NULL, type text NOT NULL, "
        "body bytea NOT NULL, station_id text, error text NOT NULL, "
        "parked_at timestamptz NOT NULL DEFAULT now(), replayed_at timestamptz)"
    )
    op.execute("CREATE TABLE public_deferred (LIKE outbox_deferred INCLUDING ALL)")
    op.execute("CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL")
    op.execute("CREATE INDEX outbox_unstored ON outbox (id) WHERE stored_at IS NULL")
    op.execute("CREATE TABLE upkeep_turn (task text PRIMARY KEY, began_at timestamptz NOT NULL)")
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENV)
    (tmp_path / "versions" / "0001_first.py").write_text(REVISION)
    return tmp_path


@pytest.fixture
def role_url(fresh_database_url: str) -> Callable[[str], str]:
    """Return the database's URL for a role."""
    host = fresh_database_url.rpartition("@")[2]
    return lambda role: f"postgresql://{role}:secret-of-{role}@{host}"


@pytest.fixture
def pool_size() -> int:
    """Return how many connections `engine` has at most."""
    return 3


@pytest.fixture
async def engine(
    fresh_database_url: str, scripts: Path, role_url: Callable[[str], str], pool_size: int
) -> AsyncIterator[AsyncEngine]:
    url = role_url("test_numbers")
    await migrate(fresh_database_url, url, "numbers", scripts)
    created = create_engine(url, "numbers", name="test", pool_size=pool_size)
    yield created
    await created.dispose()


@pytest.fixture
async def link(broker_url: str) -> AsyncIterator[Link]:
    async with Link(broker_url, "test") as opened:
        yield opened


@pytest.fixture
async def stage(engine: AsyncEngine, broker_url: str) -> AsyncIterator[Stage]:
    built = Stage(engine, broker_url)
    yield built
    await built.close()
