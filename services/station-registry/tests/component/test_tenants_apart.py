"""Another tenant's ids are answered as ids that do not exist, by the database and by the code."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
import pytest
from driven_registry import Registry
from pydantic import BaseModel
from sqlalchemy.event import listen, remove
from sqlalchemy.ext.asyncio import AsyncEngine
from stored_of_tenant import FINGERPRINT, JOB, ROLLOUT, TASK, make_tenants, store_all

from csms_shared.contracts.about import ABOUT_OPERATIONS
from csms_shared.contracts.pages import PARKED_OPERATIONS
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.stations import LOOK_UP_OWNERS, STATION_OPERATIONS
from csms_shared.contracts.tenants import TENANT_OPERATIONS
from csms_shared.db.tenancy import RequestEngines

_NAMED = re.compile(r'(?:\w+\.)?\btenant_id = (\$\d+)(?:::VARCHAR)?(?: COLLATE "C")?')
# What is there, and what is not.
_IDS: dict[str, tuple[Any, Any]] = {
    "station_id": ("S1", "S9"),
    "station_ids": (["S1"], ["S9"]),
    "site_id": ("P1", "P9"),
    "site_ids": (["P1"], ["P9"]),
    "tag": ("fast", "slow"),
    "job_id": (JOB, UUID(int=9)),
    "rollout_id": (ROLLOUT, UUID(int=9)),
    "template_id": (None, UUID(int=9)),
    "certificate_id": (FINGERPRINT, "e" * 64),
    "id": (None, 2**40),
}


def _session(station_id: str) -> list[dict[str, Any]]:
    times = {"from_time": "2026-11-20T08:00:00Z", "to_time": "2099-11-20T08:00:00Z"}
    return [{"transaction_id": 1, "station_id": station_id, "connector_id": 1, **times}]


_IDS["sessions"] = (_session("S1"), _session("S9"))
_TEMPLATE = {"name": "other", "values": {"b": "1"}}
_ROLLOUT = {"name": "r", "send_within_s": 60, "concurrency": 1, **TASK}
_PROOFS = {"credential_proofs": ("ab" * 32,)}
# Operation, what it is asked of, and the rest of its parameters.
_CASES: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("stations.list", (), {}),
    ("stations.list", ("site_id",), {}),
    ("stations.list", ("tag",), {}),
    ("stations.list", (), {"q": "S"}),
    ("stations.list", (), {"online": True}),
    ("stations.create", ("site_id",), {"station_id": "NEW"}),
    ("stations.get", ("station_id",), {}),
    ("stations.change", ("station_id",), {"set": ["strict"], "strict": True}),
    ("stations.delete", ("station_id",), {}),
    ("stations.set_password", ("station_id",), _PROOFS),
    ("stations.offer_profile", ("station_id",), {"security_profile": 2}),
    ("stations.connectors", ("station_id",), {}),
    ("connector_hardware.get", ("station_id",), {"connector_id": 1}),
    ("connector_hardware.set", ("station_id",), {"connector_id": 1, "max_power_w": 1}),
    ("connections.list", (), {}),
    ("stations.in_scope", ("station_ids",), {"scope": {"site_ids": ["P1"], "tags": ["fast"]}}),
    ("sites.list", (), {}),
    ("sites.list", (), {"q": "Harbour"}),
    ("sites.create", ("site_id",), {"name": "Own"}),
    ("sites.get", ("site_id",), {}),
    ("fleet.counts", (), {}),
    ("overview.stations", (), {}),
    ("sites.change", ("site_id",), {"set": ["name"], "name": "Other"}),
    ("sites.delete", ("site_id",), {}),
    ("jobs.create", ("station_id",), {"job_id": UUID(int=5), "deadline_ms": 2**41, **TASK}),
    ("jobs.list", (), {}),
    ("jobs.list", ("station_id",), {}),
    ("jobs.list", ("rollout_id",), {}),
    ("jobs.get", ("job_id",), {}),
    ("rollouts.create", ("station_ids",), {"rollout_id": UUID(int=5), **_ROLLOUT}),
    (
        "rollouts.create",
        (),
        {"rollout_id": UUID(int=5), "selection": {"site_id": "P1", "tag": "fast"}, **_ROLLOUT},
    ),
    ("rollouts.get", ("rollout_id",), {}),
    ("rollouts.list", (), {}),
    ("rollouts.steer", ("rollout_id",), {"wish": "pause"}),
    ("rollouts.stations", ("rollout_id",), {}),
    ("certificates.list", (), {}),
    ("certificates.list", ("station_id",), {}),
    ("certificates.get", ("certificate_id",), {}),
    ("certificates.revoke", ("certificate_id",), {}),
    ("certificates.of_station", ("station_id",), {}),
    ("certificates.hash_data", ("station_id",), {"serial_number": "AB"}),
    ("security_events.list", (), {}),
    ("security_events.list", ("station_id",), {}),
    ("stations.places", ("sessions",), {}),
    ("history.list", ("station_id",), {}),
    ("messages.list", ("station_id",), {}),
    ("messages.fleet", (), {}),
    ("messages.fleet", ("station_id",), {}),
    ("refusals.list", (), {}),
    ("refusals.list", ("station_id",), {}),
    ("refusals.get", ("id",), {}),
    ("configuration.get", ("station_id",), {}),
    ("configuration.values", ("station_id",), {"keys": ["a"]}),
    ("configuration.refresh", ("station_id",), {"created_by": "a"}),
    ("configuration_templates.list", (), {}),
    ("configuration_templates.create", (), {"name": "T", "values": {"a": "1"}}),
    ("configuration_templates.create", ("station_ids",), _TEMPLATE),
    ("configuration_templates.create", ("site_ids",), _TEMPLATE),
    ("configuration_templates.get", ("template_id",), {}),
    ("configuration_templates.replace", ("template_id",), _TEMPLATE),
    ("configuration_templates.delete", ("template_id",), {}),
    ("configuration_templates.drift", ("template_id",), {}),
    ("configuration_templates.apply", ("template_id",), {"created_by": "a"}),
]
# Of the deployment, or of all tenants at once.
_OF_ALL = {
    *PARKED_OPERATIONS,
    *ABOUT_OPERATIONS,
    *TENANT_OPERATIONS,
    LOOK_UP_OWNERS,
    "fleet.status",
    "certificate_authority.get",
    "certificate_authority.crl",
}
# What the role of all tenants answers, because it has to: there the code is all there is.
_BY_CODE = {"stations.create", "messages.list", "messages.fleet"}
_TABLES = (
    "station", "station_tag", "station_place", "station_listing", "site", "connector_hardware",
    "station_job", "firmware_rollout", "configuration_template", "certificate", "security_event",
    "station_history", "refusal", "station_connection",
)  # fmt: skip


def test_every_operation_is_tried() -> None:
    assert {case[0] for case in _CASES} == STATION_OPERATIONS.keys() - _OF_ALL


@pytest.fixture(
    params=[
        pytest.param("both", marks=pytest.mark.long),
        "the database alone",
        "the code alone",
    ]
)
def guarded(
    request: pytest.FixtureRequest, registry: Registry, engine: AsyncEngine
) -> Iterator[str]:
    """Have requests answered with both guards, or with one of them taken away."""
    if request.param == "the code alone":
        registry.engines = RequestEngines(engine, engine)
    without = registry.engines.of_tenant.sync_engine, "before_cursor_execute", _without_tenant
    if request.param == "the database alone":
        listen(*without, retval=True)
    yield request.param
    if request.param == "the database alone":
        remove(*without)


def _without_tenant(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    return _NAMED.sub(r"CAST(\1 AS text) IS NOT NULL", statement), parameters


async def _answer(registry: Registry, operation: str, **parameters: Any) -> Any:
    try:
        found = await registry.request(operation, **parameters)
    except ProblemRaised as refused:
        problem = refused.problem
        return problem.status, problem.code, problem.detail, [vars(e) for e in problem.errors]
    many = found if isinstance(found, list) else [found]
    shown = [one.model_dump(mode="json") if isinstance(one, BaseModel) else one for one in many]
    return shown if isinstance(found, list) else shown[0]


def _plain(answer: Any, ids: dict[str, Any]) -> str:
    """Return an answer without what is another one each time, and without the ids asked for."""
    written = orjson.dumps(answer, default=str).decode()
    for value in ids.values():
        for one in value if isinstance(value, list) else [value]:
            written = written.replace(str(one), "?")
    written = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", written)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", written)


async def _rows_of(registry: Registry, tenant_id: str) -> dict[str, list[str]]:
    return {
        table: [
            row.row
            for row in await registry.query(
                f"SELECT r::text AS row FROM {table} AS r WHERE tenant_id = :tenant_id ORDER BY 1",
                tenant_id=tenant_id,
            )
        ]
        for table in _TABLES
    }


async def test_another_tenants_ids_are_answered_as_ids_that_do_not_exist(
    registry: Registry, guarded: str
) -> None:
    await make_tenants(registry, "north", "south")
    made = await store_all(registry, "north", "S1")
    before = await _rows_of(registry, "north")
    nothing = await _rows_of(registry, "south")
    assert all(before[table] for table in _TABLES)
    for operation, named, rest in _CASES:
        if guarded == "the database alone" and operation in _BY_CODE:
            continue
        answers = []
        for which in (0, 1):
            ids = {name: _IDS[name][which] or made[name] for name in named}
            answered = await _answer(registry, operation, tenant_id="south", **rest | ids)
            answers.append(_plain(answered, ids))
            # What has been made is not in the way of the next.
            for table in ("site", "configuration_template"):
                await registry.query(f"DELETE FROM {table} WHERE tenant_id = 'south'")
        assert answers[0] == answers[1], (operation, named)
        assert await _rows_of(registry, "north") == before, (operation, named)
        assert await _rows_of(registry, "south") == nothing, (operation, named)


async def test_without_either_guard_a_tenant_is_answered_of_another(
    registry: Registry, engine: AsyncEngine
) -> None:
    await make_tenants(registry, "north", "south")
    await store_all(registry, "north", "S1")
    registry.engines = RequestEngines(engine, engine)
    listen(engine.sync_engine, "before_cursor_execute", _without_tenant, retval=True)
    shown = await registry.request("stations.get", tenant_id="south", station_id="S1")
    assert shown.site_id == "P1"


async def test_a_taken_station_id_is_refused_whoever_has_it(registry: Registry) -> None:
    await make_tenants(registry, "north", "south")
    await registry.request("stations.create", tenant_id="north", station_id="S1")
    for tenant_id in ("north", "south"):
        answer = await _answer(registry, "stations.create", tenant_id=tenant_id, station_id="S1")
        assert answer[:2] == (409, "station_exists")


async def test_an_id_that_another_tenant_has_given_up_may_be_taken(registry: Registry) -> None:
    await make_tenants(registry, "north", "south")
    await registry.request("stations.create", tenant_id="north", station_id="S1")
    await registry.request("stations.delete", tenant_id="north", station_id="S1")
    made = await registry.request("stations.create", tenant_id="south", station_id="S1")
    assert made.station_id == "S1"
    assert (await _answer(registry, "stations.get", tenant_id="north", station_id="S1"))[0] == 404


async def test_templates_of_tenants_may_have_one_name(registry: Registry) -> None:
    await make_tenants(registry, "north", "south")
    for tenant_id in ("default", "north", "south"):
        wanted = {"tenant_id": tenant_id, "name": "Night", "values": {"a": "1"}}
        made = await registry.request("configuration_templates.create", **wanted)
        assert made.name == "Night"
        again = await _answer(registry, "configuration_templates.create", **wanted)
        assert again[0] == 409
        listed = await registry.request("configuration_templates.list", tenant_id=tenant_id)
        assert [item.name for item in listed.items] == ["Night"]
