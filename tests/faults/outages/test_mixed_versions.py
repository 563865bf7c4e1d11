"""F24, the processes: instances of this version on a schema that is already the next one's.

`FAULT_OLDER_PROGRAMS` names the folder with the commands of an older version, which then takes
the place of one service after the other.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.faulty_suite import GATEWAYS, OWN_SERVICES, SCHEMAS, FaultySuite
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.faults.suite_on_paths import SuiteOnPaths

_OLDER = os.environ.get("FAULT_OLDER_PROGRAMS", "")
_TABLES = """
SELECT c.oid::regclass::text FROM pg_class c
WHERE c.relnamespace = ANY($1::regnamespace[]) AND c.relkind IN ('r', 'p')
AND NOT c.relispartition AND c.relname <> 'alembic_version'
"""


@asynccontextmanager
async def _newer_schemas(suite: FaultySuite) -> AsyncIterator[None]:
    """Expand every table, as a migration of the next version may, and give it back afterwards."""
    async with suite.database() as owner:
        await owner.execute("SET lock_timeout = '20s'")
        tables = [row[0] for row in await owner.fetch(_TABLES, list(SCHEMAS))]
        revisions = {}
        for schema in SCHEMAS:
            version = f"{schema}.alembic_version"
            revisions[schema] = await owner.fetchval(f"SELECT version_num FROM {version}")
            await owner.execute(f"UPDATE {version} SET version_num = '9999_later'")
        for table in tables:
            await owner.execute(f"ALTER TABLE {table} ADD added_later text DEFAULT 'later'")
    try:
        yield
    finally:
        async with suite.database() as owner:
            for table in tables:
                await owner.execute(f"ALTER TABLE {table} DROP added_later")
            for schema, revision in revisions.items():
                await owner.execute(
                    f"UPDATE {schema}.alembic_version SET version_num = $1", revision
                )


async def test_instances_go_on_and_start_while_the_schema_is_already_the_next_versions(
    suite: SuiteOnPaths, scale: Scale
) -> None:
    async with Scenario("F24", "schema expanded under running instances", suite) as scenario:
        await scenario.fleet.progress(8)
        async with _newer_schemas(suite):
            suite.note("schemas expanded")
            await scenario.recovered()
            for service in scale.pick(OWN_SERVICES[:2], OWN_SERVICES):
                await suite.restart(service)
                suite.note(f"{service} restarted on it")
                await scenario.recovered()


if _OLDER:
    # A service may be newer than that version.
    @pytest.mark.parametrize(
        "service",
        [one for one in (*OWN_SERVICES, "ws-gateway") if (Path(_OLDER) / one).exists()],
    )
    async def test_one_service_of_the_version_before_beside_the_others(
        suite: SuiteOnPaths, scale: Scale, service: str
    ) -> None:
        processes = GATEWAYS if service == "ws-gateway" else (service,)
        older = Path(_OLDER) / service
        async with Scenario("F24", f"{service} of the version before", suite) as scenario:
            for program in (older, Path(sys.executable).parent / service):
                suite.programs.replace(service, program)
                for process in processes:
                    await suite.restart(process)
                suite.note(f"{service} replaced")
                await scenario.recovered()
                await asyncio.sleep(scale.pick(5, 60))
