"""What a tenant's operators see first of its stations: numbers, and what needs attention."""

from typing import Any

from driven_registry import Registry
from sqlalchemy import text

from csms_shared.contracts.overview import COUNTED_MAX, EXAMPLES_MAX, StationsOverview
from csms_shared.contracts.scopes import Scope
from csms_shared.db.index_plans import plan_by_indexes
from csms_shared.service.inbox import Work
from station_registry.stations.store.overview import RECENT


def _status(registry: Registry, station_id: str, connector_id: int, status: str) -> Work:
    payload = {"connectorId": connector_id, "errorCode": "NoError", "status": status}
    if status == "Faulted":
        payload["errorCode"] = "GroundFailure"
    return registry.call(
        "StatusNotification", station_id, payload, connection_id=f"c-{station_id}", seq=connector_id
    )


async def _fleet(registry: Registry) -> None:
    """Five stations: A and B online, C and D gone, E never seen; D is rejected."""
    await registry.request("sites.create", site_id="harbour", name="Harbour")
    places: dict[str, dict[str, Any]] = {"A": {"site_id": "harbour"}, "B": {"tags": ["fast"]}}
    for station_id in "ABCDE":
        await registry.request(
            "stations.create", station_id=station_id, **places.get(station_id, {})
        )
    await registry.send([registry.claim(one, f"c-{one}") for one in "ABCD"])
    await registry.send(
        [
            _status(registry, "A", 1, "Charging"),
            _status(registry, "A", 2, "Faulted"),
            _status(registry, "A", 3, "Faulted"),
            _status(registry, "B", 0, "Faulted"),
            _status(registry, "B", 1, "SuspendedEV"),
            _status(registry, "B", 2, "SuspendedEVSE"),
            _status(registry, "C", 1, "Available"),
        ]
    )
    await registry.request(
        "stations.change",
        station_id="D",
        set=["registration_status"],
        registration_status="rejected",
    )
    await registry.send([registry.release(one, f"c-{one}", 1) for one in "CD"])


async def _overview(registry: Registry, **parameters: Any) -> StationsOverview:
    found: StationsOverview = await registry.request("overview.stations", **parameters)
    return found


async def test_stations_and_connectors_are_counted_by_what_is_known_of_them(
    registry: Registry,
) -> None:
    await _fleet(registry)
    shown = await _overview(registry)
    assert shown.stations.model_dump() == {
        "total": 5,
        "online": 2,
        "offline": 3,
        "unconfirmed": 0,
        "faulted": 2,
        "pending": 0,
        "rejected": 1,
    }
    counts = {name: count for name, count in shown.connectors.model_dump().items() if count}
    assert counts == {"available": 1, "charging": 1, "suspended": 2, "faulted": 2}
    await registry.query(
        "UPDATE gateway SET lease_expires_at = now() + interval '5 s', doubted_at = now()"
    )
    doubted = (await _overview(registry)).stations
    assert (doubted.online, doubted.unconfirmed, doubted.offline) == (0, 2, 3)


async def test_stations_that_are_faulted_or_gone_are_named_with_what_is_wrong(
    registry: Registry,
) -> None:
    await _fleet(registry)
    attention = (await _overview(registry)).attention
    faulted = {one.id: one.text for one in attention["stations_faulted"].examples}
    assert faulted == {
        "A": "connector 2: GroundFailure, connector 3: GroundFailure",
        "B": "connector 0: GroundFailure",
    }
    # One that was never there, and one that is not let in, are missed by nobody.
    offline = attention["stations_offline"]
    assert [(one.id, one.text) for one in offline.examples] == [("C", "no site")]
    assert (offline.count, offline.since) == (1, offline.examples[0].at)
    assert attention.keys() == {"stations_faulted", "stations_offline"}


async def test_within_a_scope_only_its_stations_count_and_nothing_of_the_tenant_is_told(
    registry: Registry,
) -> None:
    await _fleet(registry)
    await _refused(registry, "X", 1)
    inside = await _overview(registry, scope=Scope(site_ids=("harbour",)))
    assert (inside.stations.total, inside.stations.online, inside.stations.faulted) == (1, 1, 1)
    assert inside.connectors.suspended == 0
    assert inside.attention.keys() == {"stations_faulted"}
    assert "refusals" in (await _overview(registry)).attention
    assert (await _overview(registry, scope=Scope())).stations.total == 0


async def _refused(registry: Registry, station_id: str, hours_ago: int, **values: Any) -> None:
    await registry.query(
        "INSERT INTO refusal (station_id, tenant_id, gateway_id, remote_address, reason, detail, "
        "http_status, refused_at, period_at) VALUES (:station_id, 'default', 'gw-1', '192.0.2.1', "
        ":reason, '', 403, now() - make_interval(hours => :hours), "
        "now() - make_interval(hours => :hours))",
        station_id=station_id,
        hours=hours_ago,
        **{"reason": "unknown_station", **values},
    )


async def test_refusals_are_counted_by_station_and_only_those_of_a_day(registry: Registry) -> None:
    await _refused(registry, "X", 1, reason="wrong_password")
    await _refused(registry, "X", 3)
    await _refused(registry, "Y", 2)
    await _refused(registry, "Z", 30)
    refusals = (await _overview(registry)).attention["refusals"]
    assert [(one.id, one.text) for one in refusals.examples] == [
        ("X", "wrong_password"),
        ("Y", "unknown_station"),
    ]
    assert (refusals.count, refusals.count_is_bound) == (2, False)


async def test_critical_security_events_and_rollouts_stopped_by_failures_are_told(
    registry: Registry,
) -> None:
    await registry.query(
        "INSERT INTO security_event (event_id, station_id, source, type, critical, received_at) "
        "SELECT gen_random_uuid(), 'A', 'station', type, critical, "
        "now() - make_interval(hours => hours) FROM (VALUES ('TamperDetectionActivated', true, 1), "
        "('SettingSystemTime', false, 1), ('InvalidFirmwareSignature', true, 25)) "
        "AS told (type, critical, hours)"
    )
    await registry.query(
        "INSERT INTO firmware_rollout (rollout_id, name, action, payload, timeout_s, "
        "send_within_s, concurrency, status, created_by, created_at) "
        "SELECT gen_random_uuid(), status, 'UpdateFirmware', '{}', 60, 60, 1, status, 'a', now() "
        "FROM unnest(ARRAY['stopped', 'paused', 'running']) AS status"
    )
    attention = (await _overview(registry)).attention
    events = attention["security_events"]
    assert [one.text for one in events.examples] == ["A: TamperDetectionActivated"]
    assert [one.text for one in attention["rollouts_stopped"].examples] == ["stopped"]


async def test_what_is_too_much_to_count_is_said_to_be_a_bound(registry: Registry) -> None:
    await registry.query(
        "INSERT INTO security_event (event_id, station_id, source, type, critical, received_at) "
        "SELECT gen_random_uuid(), 'A', 'station', 't', true, now() - make_interval(secs => n) "
        "FROM generate_series(0, :most) AS n",
        most=COUNTED_MAX,
    )
    events = (await _overview(registry)).attention["security_events"]
    assert (events.count, events.count_is_bound) == (COUNTED_MAX, True)
    assert len(events.examples) == EXAMPLES_MAX


async def test_what_happened_is_found_by_indexes_that_begin_a_day_ago(registry: Registry) -> None:
    plans = []
    async with registry.engine.begin() as connection:
        await plan_by_indexes(connection)
        for statement in RECENT.values():
            explained = text(f"EXPLAIN {statement.text}")
            rows = await connection.execute(explained, {"tenant_id": "default"})
            plans.append("\n".join(row[0] for row in rows))
    for plan, index in zip(
        plans,
        ("refusal_of_tenant", "firmware_rollout_stopped", "security_event_critical"),
        strict=True,
    ):
        assert f" {index} " in plan, plan
        assert "Seq Scan" not in plan, plan
    for plan in (plans[0], plans[2]):
        assert "now() - '24:00:00'::interval" in plan, plan


async def test_an_instance_tells_of_itself_and_when_upkeep_was_done(registry: Registry) -> None:
    await registry.query("INSERT INTO upkeep_turn (task, began_at) VALUES ('purge_x', now())")
    about = await registry.request("service.about")
    assert (about.instance, about.warnings, about.paused) == ("tests", {}, [])
    assert [turn.task for turn in about.upkeep] == ["purge_x"]
    waiting = await registry.request("parked.count")
    assert waiting.waiting is None
    await registry.query(
        "INSERT INTO parked (id, queue, type, body, error, replayed_at) "
        "SELECT gen_random_uuid(), 'q', 't', '', 'why', at FROM (VALUES (NULL), (now())) AS v (at)"
    )
    waiting = await registry.request("parked.count")
    assert (waiting.waiting.count, waiting.waiting.examples[0].text) == (1, "q: why")
