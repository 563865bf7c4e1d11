"""One firmware for many stations: a few at a time, stopped by failures."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from driven_registry import Registry

from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.jobs import JobView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.rollouts import RolloutView
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time_ms
from station_registry.jobs.handlers.rollouts import advance_rollouts

STATIONS = [f"S{number}" for number in range(5)]
PAYLOAD = {"location": "https://f.example/2", "retrieveDate": "2026-01-01T00:00:00Z"}


@pytest.fixture
async def fleet(registry: Registry) -> Registry:
    await registry.send([registry.claim(name, f"c-{name}") for name in STATIONS])
    await registry.send(
        [
            registry.call(
                "BootNotification",
                name,
                registry.boot("New" if name == "S4" else "Old"),
                connection_id=f"c-{name}",
            )
            for name in STATIONS
        ]
    )
    return registry


async def start(registry: Registry, **fields: Any) -> RolloutView:
    if "filter" not in fields:
        fields = {"station_ids": STATIONS} | fields
    made: RolloutView = await registry.request(
        "rollouts.create",
        **{
            "rollout_id": new_command_id(now_ms()),
            "name": "2.0",
            "action": "UpdateFirmware",
            "payload": PAYLOAD,
            "timeout_s": 3600,
            "send_within_s": 600,
            "concurrency": 2,
            "stop_after_failures": 1,
            "created_by": "admin",
            **fields,
        },
    )
    return made


async def turn(registry: Registry, rollout_id: str) -> RolloutView:
    async with registry.engine.begin() as connection:
        await advance_rollouts(connection)
    shown: RolloutView = await registry.request("rollouts.get", rollout_id=rollout_id)
    return shown


def ended(job: JobView, accepted: bool) -> Work:
    now = now_ms()
    data = {
        "command_id": job.job_id,
        "station_id": job.station_id,
        "action": "UpdateFirmware",
        "payload": PAYLOAD,
        "status": "completed" if accepted else "error",
        "accepted": True if accepted else None,
        "response": {} if accepted else None,
        "error": None if accepted else {"code": "NotSupported"},
        "created_by": "admin",
        "created_at": format_time_ms(now - 2),
        "sent_at": format_time_ms(now - 1),
        "completed_at": format_time_ms(now),
        "deadline": format_time_ms(now + 60_000),
    }
    event = {
        "id": job.job_id,
        "source": "/csms/command-api",
        "type": "csms.command.completed.v1",
        "subject": job.station_id,
        "time": data["completed_at"],
        "data": data,
    }
    return Work("events.v1", {}, [event])


async def open_jobs(registry: Registry, rollout_id: str) -> list[JobView]:
    page: Page[JobView] = await registry.request(
        "jobs.list", rollout_id=rollout_id, status="ordered"
    )
    return page.items


async def succeed(registry: Registry, job: JobView) -> None:
    await registry.send([ended(job, accepted=True)])
    await registry.send(
        [
            registry.call(
                "FirmwareStatusNotification",
                job.station_id,
                {"status": "Installed"},
                connection_id=f"c-{job.station_id}",
                seq=100,
            )
        ]
    )


async def test_a_rollout_goes_through_all_stations_a_few_at_a_time(fleet: Registry) -> None:
    rollout_id = (await start(fleet)).rollout_id
    shown = await turn(fleet, rollout_id)
    assert shown.stations == {"waiting": 3, "ordered": 2}
    assert (await turn(fleet, rollout_id)).stations == {"waiting": 3, "ordered": 2}
    for _ in range(3):
        for job in await open_jobs(fleet, rollout_id):
            await succeed(fleet, job)
        shown = await turn(fleet, rollout_id)
    assert (shown.status, shown.stations) == ("completed", {"succeeded": 5})
    assert shown.finished_at is not None
    page = await fleet.request("rollouts.stations", rollout_id=rollout_id, limit=3)
    rest = await fleet.request("rollouts.stations", rollout_id=rollout_id, cursor=page.next_cursor)
    stations = [*page.items, *rest.items]
    assert [(one.station_id, one.status) for one in stations] == [
        (name, "succeeded") for name in STATIONS
    ]
    assert len(await fleet.events("rollout.completed")) == 1


async def test_a_failure_stops_it_until_it_is_resumed(fleet: Registry) -> None:
    rollout_id = (await start(fleet, concurrency=1)).rollout_id
    await turn(fleet, rollout_id)
    (job,) = await open_jobs(fleet, rollout_id)
    await fleet.send([ended(job, accepted=False)])
    stopped = await turn(fleet, rollout_id)
    assert (stopped.status, stopped.stations) == ("stopped", {"waiting": 4, "refused": 1})
    assert (await turn(fleet, rollout_id)).stations == stopped.stations
    resumed = await fleet.request("rollouts.steer", rollout_id=rollout_id, wish="resume")
    assert resumed.status == "running"
    assert (await turn(fleet, rollout_id)).stations == {"waiting": 3, "ordered": 1, "refused": 1}


async def test_a_paused_rollout_starts_nothing_and_a_cancelled_one_never_again(
    fleet: Registry,
) -> None:
    rollout_id = (await start(fleet)).rollout_id
    await fleet.request("rollouts.steer", rollout_id=rollout_id, wish="pause")
    assert (await turn(fleet, rollout_id)).stations == {"waiting": 5}
    cancelled = await fleet.request("rollouts.steer", rollout_id=rollout_id, wish="cancel")
    assert cancelled.status == "cancelled"
    assert (await turn(fleet, rollout_id)).stations == {"waiting": 5}
    with pytest.raises(ProblemRaised) as refused:
        await fleet.request("rollouts.steer", rollout_id=rollout_id, wish="resume")
    assert refused.value.problem.code == "rollout_not_open"


async def test_a_filter_finds_stations_by_what_they_reported(fleet: Registry) -> None:
    rollout = await start(fleet, filter={"model": "Old", "vendor": "Vendor"})
    assert rollout.stations == {"waiting": 4}
    listed = await fleet.request("rollouts.list")
    assert [one.rollout_id for one in listed.items] == [rollout.rollout_id]


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ({"site_id": "H"}, 3),
        ({"tag": "fast"}, 2),
        ({"site_id": "H", "tag": "fast"}, 1),
        ({"site_id": "H", "tag": "fast", "model": "Old"}, 1),
        ({"site_id": "H", "model": "New"}, 0),
        ({"tag": "none"}, 0),
    ],
)
async def test_a_rollout_is_to_the_stations_of_a_site_and_a_tag(
    fleet: Registry, selection: dict[str, str], found: int
) -> None:
    await fleet.request("sites.create", site_id="H", name="Harbour")
    for name, described in (
        ("S0", {"site_id": "H", "tags": ["fast", "new"]}),
        ("S1", {"site_id": "H"}),
        ("S2", {"site_id": "H", "tags": ["slow"]}),
        ("S4", {"tags": ["fast"]}),
    ):
        await fleet.request("stations.change", station_id=name, set=list(described), **described)
    asked = start(fleet, filter=None, selection=selection)
    if found:
        rollout = await asked
        assert rollout.stations == {"waiting": found}
        listed = await fleet.request("rollouts.stations", rollout_id=UUID(rollout.rollout_id))
        assert len(listed.items) == found
    else:
        with pytest.raises(ProblemRaised) as refused:
            await asked
        assert refused.value.problem.code == "no_stations"


async def test_the_same_rollout_again_is_the_same(fleet: Registry) -> None:
    first = await start(fleet)
    again = await start(fleet, rollout_id=UUID(first.rollout_id))
    assert again == first


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"station_ids": ["S1", "nobody"]}, "unknown_stations"),
        ({"station_ids": ["S\0"]}, "unknown_stations"),
        ({"filter": {"model": "None"}}, "no_stations"),
        ({"station_ids": ["S1"], "filter": {"model": "Old"}}, "invalid_request"),
        ({"station_ids": None}, "invalid_request"),
    ],
)
async def test_a_rollout_to_nobody_is_refused(
    fleet: Registry, fields: dict[str, Any], code: str
) -> None:
    with pytest.raises(ProblemRaised) as refused:
        await start(fleet, **fields)
    assert refused.value.problem.code == code
    assert {error.field for error in refused.value.problem.errors} <= {"station_ids", "filter"}
    assert refused.value.problem.errors
    with pytest.raises(ProblemRaised):
        await fleet.request("rollouts.get", rollout_id=new_command_id(1))
    with pytest.raises(ProblemRaised, match="no rollout"):
        await fleet.request("rollouts.stations", rollout_id=new_command_id(1))


async def test_a_rollout_that_is_started_twice_at_once_is_one(fleet: Registry) -> None:
    rollout_id = new_command_id(now_ms())
    first, second = await asyncio.gather(*(start(fleet, rollout_id=rollout_id) for _ in range(2)))
    assert first == second
    assert sum(first.stations.values()) == len(STATIONS)
