"""A station goes to another tenant, against a real PostgreSQL."""

import asyncio
from typing import Any

import pytest
from driven_registry import Registry, content_of

from csms_shared.broker.topology import GATEWAYS
from csms_shared.contracts.ownership import ClaimReply, ReassertionReply
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.ocpp.credentials import SALT_BYTES
from station_registry.database.tables import metadata
from station_registry.stations.store import moves

_PROOF = "aa" * SALT_BYTES


@pytest.fixture(autouse=True)
async def tenants(registry: Registry) -> None:
    for tenant_id, most in (("north", None), ("south", 1)):
        await registry.request(
            "tenants.create", new_tenant_id=tenant_id, name=tenant_id, max_stations=most
        )


async def _move(
    registry: Registry, station_id: str, to: str | None, of: str = "default", **more: Any
) -> Any:
    return await registry.request(
        "stations.change",
        station_id=station_id,
        set=["to_tenant_id", *more],
        to_tenant_id=to,
        tenant_id=of,
        **more,
    )


async def _refused(registry: Registry, station_id: str, to: str | None, **more: Any) -> Any:
    with pytest.raises(ProblemRaised) as raised:
        await _move(registry, station_id, to, **more)
    problem = raised.value.problem
    return problem.status, problem.code, ",".join(error.field for error in problem.errors)


async def _counts(registry: Registry) -> dict[str, int]:
    rows = await registry.query("SELECT tenant_id, stations FROM tenant")
    return {row.tenant_id: row.stations for row in rows}


async def test_a_moved_station_is_disconnected_and_comes_back_as_the_others(
    registry: Registry,
) -> None:
    await registry.request(
        "stations.create", station_id="A", tenant_id="north", credential_proofs=[_PROOF]
    )
    await registry.send([registry.claim("A", "c1", credential_proofs=[_PROOF])])
    registry.publisher.sent.clear()
    view = await _move(registry, "A", "south", of="north")
    assert (view.online, view.has_password) == (False, True)
    (told,) = [one for one in registry.publisher.sent if one.exchange == GATEWAYS]
    assert b'"close"' in told.body
    assert await registry.owner("A") is None
    assert await _counts(registry) == {"default": 0, "north": 0, "south": 1}
    (back,) = await registry.send([registry.reassertion("A", "c1", 1)])
    assert content_of(back, ReassertionReply).superseded == ["c1"]
    (reply, *_) = await registry.send([registry.claim("A", "c2", credential_proofs=[_PROOF])])
    assert content_of(reply, ClaimReply).tenant_id == "south"
    (offline,) = await registry.events("station.offline")
    assert (offline["tenantid"], offline["data"]["reason"]) == ("north", "moved")
    moved = await registry.events("station.moved")
    assert [(event["tenantid"], event["data"]) for event in moved] == [
        (
            tenant_id,
            {"station_id": "A", "from_tenant_id": "north", "to_tenant_id": "south"},
        )
        for tenant_id in ("north", "south")
    ]
    assert len({event["id"] for event in moved}) == 2


async def test_what_its_former_tenant_said_of_it_ends(registry: Registry) -> None:
    await registry.request("sites.create", site_id="harbour", name="Harbour")
    await registry.request(
        "stations.create",
        station_id="A",
        site_id="harbour",
        display_name="Left",
        installed_on="2024-02-29",
        phase_count=3,
    )
    await registry.request("stations.change", station_id="A", set=["tags"], tags=["fast"])
    await registry.request("connector_hardware.set", station_id="A", connector_id=1,
                           plug_type="CHADEMO")  # fmt: skip
    view = await _move(registry, "A", "north")
    assert (view.site_id, view.display_name, view.tags, view.installed_on, view.phase_count) == (
        None,
        None,
        [],
        None,
        None,
    )
    assert await registry.query("SELECT * FROM station_tag") == []
    assert await registry.query("SELECT * FROM connector_hardware") == []


async def test_its_open_jobs_are_cancelled_and_no_report_brings_them_back(
    registry: Registry,
) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.query(
        "INSERT INTO station_job (job_id, station_id, kind, action, location, created_by, "
        "created_at, timeout, deadline, status, command_end, sent_at) VALUES "
        "('00000000-0000-0000-0000-000000000001', 'A', 'firmware', 'UpdateFirmware', 'l', 'u', "
        "now(), '1 hour', now() + interval '1 hour', 'started', 'accepted', now())"
    )
    await registry.query(
        "INSERT INTO firmware_rollout (rollout_id, name, action, payload, timeout_s, "
        "send_within_s, concurrency, status, created_by, created_at) VALUES "
        "('00000000-0000-0000-0000-000000000002', 'r', 'UpdateFirmware', '{}', 60, 60, 1, "
        "'running', 'u', now())"
    )
    await registry.query(
        "INSERT INTO firmware_rollout_station VALUES "
        "('00000000-0000-0000-0000-000000000002', 'A', NULL)"
    )
    await _move(registry, "A", "north")
    jobs = "SELECT status, result FROM station_job"
    assert await registry.query(jobs) == [("cancelled", "the station was moved")]
    assert await registry.query("SELECT * FROM firmware_rollout_station") == []
    assert len(await registry.events("job.finished")) == 1
    await registry.send(
        [registry.call("FirmwareStatusNotification", "A", {"status": "Installed"}, seq=2)]
    )
    assert await registry.query(jobs) == [("cancelled", "the station was moved")]


async def test_a_move_that_cannot_be_changes_nothing(registry: Registry) -> None:
    await registry.send([registry.claim("A", "c1")])
    await registry.request("stations.create", station_id="B", tenant_id="south")
    assert await _refused(registry, "A", "none") == (422, "unknown_tenant", "tenant_id")
    assert await _refused(registry, "A", None) == (422, "invalid_request", "tenant_id")
    assert await _refused(registry, "A", "north", strict=True) == (
        422,
        "invalid_request",
        "tenant_id",
    )
    assert await _refused(registry, "A", "south") == (409, "station_quota_reached", "")
    for station_id in ("none", "a\0b"):
        assert await _refused(registry, station_id, "north") == (404, "not_found", "")
    assert await registry.owner("A") == ("gw-1", "c1", 1)
    # To where it is already, also where there is no room for another.
    await _move(registry, "B", "south", of="south")
    # Of another tenant than the one that is acted for.
    assert await _refused(registry, "B", "north") == (404, "not_found", "")
    assert await registry.events("station.moved") == []
    assert await _counts(registry) == {"default": 1, "north": 0, "south": 1}


async def test_stations_moved_at_once_pass_no_quota(registry: Registry) -> None:
    """Some to and some from a tenant with room for one, while others are created and deleted."""
    for number in range(4):
        await registry.request("stations.create", station_id=f"S{number}", tenant_id="north")
    outcomes = await asyncio.gather(
        *(_move(registry, f"S{number}", "south", of="north") for number in range(4)),
        registry.request("stations.delete", station_id="S0"),
        registry.request("stations.create", station_id="S9", tenant_id="south"),
        return_exceptions=True,
    )
    codes = {one.problem.code for one in outcomes if isinstance(one, ProblemRaised)}
    assert codes <= {"station_quota_reached", "not_found"}
    assert not [
        one for one in outcomes if isinstance(one, Exception) and not isinstance(one, ProblemRaised)
    ]
    counts = await _counts(registry)
    has = await registry.query(
        "SELECT tenant_id, count(*) AS stations FROM station WHERE deleted_at IS NULL GROUP BY 1"
    )
    assert counts == {"default": 0, "south": 0} | {row.tenant_id: row.stations for row in has}
    assert counts["south"] <= 1


def test_it_is_decided_for_each_table_of_stations_what_a_move_means() -> None:
    tables = {
        name
        for name, table in metadata.tables.items()
        if {"tenant_id", "station_id"} <= set(table.columns.keys())
    }
    assert sorted(tables) == sorted([*moves.FOLLOW, *moves.KEPT, *moves.END, *moves.STAY])
