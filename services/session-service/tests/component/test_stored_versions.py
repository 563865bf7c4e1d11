"""Stored payloads are read by the OCPP version that they are kept with, also those of before."""

import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from prometheus_client import REGISTRY
from session_records import Records
from sqlalchemy.ext.asyncio import AsyncEngine

from csms_shared.contracts.charging import AskCompositeSchedule, ListChargingProfiles
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.contracts.sessions import (
    IdTokenName,
    ListEvidence,
    ListQuarantine,
    Reconcile,
    ReconcileMany,
    TransactionName,
)
from csms_shared.db.engine import create_engine, in_transaction
from csms_shared.db.migrate import migrate
from csms_shared.runtime.clock import utc_now
from session_service.charging.handlers.profiles import settle, settle_waiting
from session_service.charging.handlers.requests import composite, list_profiles
from session_service.database import MIGRATIONS, SCHEMA
from session_service.quarantine.handlers.bulk import reconcile_many
from session_service.quarantine.handlers.reconciling import reconcile_due
from session_service.quarantine.handlers.requests import list_quarantine, reconcile_item
from session_service.tokens.handlers.requests import get_id_token
from session_service.transactions.handlers.evidence import list_evidence
from session_service.transactions.handlers.requests import get_transaction

PAYLOADS = ("stop", "quarantine", "charging_profile", "charging_clearing", "reported_schedule")
NEWER = "ocpp999"
AT = "2026-11-20T08:00:00Z"

_SCHEDULE = {
    "chargingRateUnit": "A",
    "startSchedule": AT,
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
}
_STOP = {"transactionId": 77, "meterStop": 900, "timestamp": AT, "reason": "Local"}
_PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": _SCHEDULE,
}
_RESPONSE = {"status": "Accepted", "scheduleStart": AT, "chargingSchedule": _SCHEDULE}
_COMPUTED = {
    "start_at": AT,
    "duration": 60,
    "unit": "A",
    "min_charging_rate": None,
    "periods": [{"start_period": 0, "limit": 10.0, "number_phases": None}],
}
# As the program of the version before writes them, a station each.
_OF_BEFORE = (
    "INSERT INTO id_token (key, id_token, status) VALUES ($1, $1, 'accepted')",
    "INSERT INTO connector (station_id, connector_id) VALUES ($1, 2)",
    "INSERT INTO transaction (key, station_id, connector_id, id_token, token_key, status, "
    "authorization_status, started_at, started_raw, meter_start, epoch, seq, received_at, "
    "stop_epoch, stop_seq, stop_matched, stopped_at, meter_stop) VALUES (convert_to($1, 'UTF8'), "
    "$1, 2, 'T', 't', 'completed', 'accepted', now(), '', 100, 1, 1, now(), 1, 5, false, now(), "
    "500)",
    "INSERT INTO stop (connection_id, seq, epoch, transaction_id, received_at, payload) "
    f"SELECT $1, 9, 1, id, now(), '{orjson.dumps(_STOP).decode()}' FROM transaction "
    "WHERE station_id = $1",
    "INSERT INTO quarantine (id, kind, station_id, wire_transaction_id, connection_id, epoch, seq, "
    "received_at, reason, payload) VALUES (gen_random_uuid(), 'stop', $1, 77, $1, 1, 9, now(), "
    f"'', '{orjson.dumps(_STOP).decode()}')",
    "INSERT INTO charging_profile (command_id, station_id, connector_id, profile_id, purpose, "
    "stack_level, sent_at, state, profile) VALUES (gen_random_uuid(), $1, 2, 1, 'tx_default', "
    f"0, now() - interval '1 minute', 'waiting', '{orjson.dumps(_PROFILE).decode()}')",
    "INSERT INTO charging_clearing (command_id, station_id, sent_at, payload) VALUES "
    "(gen_random_uuid(), $1, now(), '{\"id\": 2}')",
    "INSERT INTO reported_schedule (station_id, connector_id, command_id, sent_at, answered_at, "
    "response, computed) VALUES ($1, 2, gen_random_uuid(), now(), now(), "
    f"'{orjson.dumps(_RESPONSE).decode()}', '{orjson.dumps(_COMPUTED).decode()}')",
)


async def _write_of_before(owner: "asyncpg.Connection[Any]", station_id: str) -> None:
    for statement in _OF_BEFORE:
        await owner.execute(statement, station_id)


class Reader:
    """What this program shows of a station."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def __call__(self, handler: Any, query: Any) -> Any:
        return await in_transaction(self.engine, lambda c: handler(c, query))

    async def transaction(self, transaction_id: int) -> Any:
        return await self(get_transaction, TransactionName(transaction_id=transaction_id))

    async def evidence(self, transaction_id: int) -> list[Any]:
        page = await self(list_evidence, ListEvidence(transaction_id=transaction_id))
        return list(page.items)

    async def quarantine(self, station_id: str) -> list[Any]:
        page = await self(list_quarantine, ListQuarantine(station_id=station_id, status=None))
        return list(page.items)

    async def profiles(self, station_id: str, state: Any = None) -> list[Any]:
        query = ListChargingProfiles(station_id=station_id, state=state)
        return list((await self(list_profiles, query)).items)

    async def composite(self, station_id: str) -> Any:
        query = AskCompositeSchedule(station_id=station_id, connector_id=2)
        return await self(composite, query)


@pytest.fixture
async def upgraded(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A schema with rows of `before`, from before the migration, and of `beside`, from after it."""
    url = f"postgresql://csms_session:a-password@{fresh_database_url.rpartition('@')[2]}"
    before = tmp_path / "before"
    shutil.copytree(MIGRATIONS, before, ignore=shutil.ignore_patterns("requests.sql"))
    for script in (before / "versions").glob("*.py"):
        if script.name >= "0020":
            script.unlink()
    await migrate(fresh_database_url, url, SCHEMA, before)
    owner = await asyncpg.connect(fresh_database_url, server_settings={"search_path": SCHEMA})
    try:
        await _write_of_before(owner, "before")
        await migrate(fresh_database_url, url, SCHEMA, MIGRATIONS)
        await _write_of_before(owner, "beside")
    finally:
        await owner.close()
    engine = create_engine(url, SCHEMA, name="tests", pool_size=2)
    yield engine
    await engine.dispose()


@pytest.mark.parametrize(("station_id", "transaction_id"), [("before", 1), ("beside", 2)])
async def test_what_the_version_before_writes_is_read_as_of_16(
    upgraded: AsyncEngine, station_id: str, transaction_id: int
) -> None:
    read = Reader(upgraded)
    shown = await read.transaction(transaction_id)
    assert (shown.station_id, shown.station_transaction_id) == (station_id, str(transaction_id))
    assert (shown.evse_id, shown.connector_id) == (2, 2)
    (evidence,) = await read.evidence(transaction_id)
    assert (evidence.why, evidence.sent_transaction_id, evidence.meter_stop) == (
        "matched_without_id",
        77,
        900,
    )
    assert (evidence.ocpp_version, evidence.payload) == ("ocpp16", _STOP)
    (item,) = await read.quarantine(station_id)
    assert (item.ocpp_version, item.payload) == ("ocpp16", _STOP)
    (profile,) = await read.profiles(station_id)
    assert (profile.ocpp_version, profile.purpose) == ("ocpp16", "TxDefaultProfile")
    assert profile.state == "installed"
    schedule = await read.composite(station_id)
    assert schedule.computed.periods[0].limit == 16.0
    assert schedule.reported.ocpp_version == "ocpp16"
    assert [one.reported for one in schedule.reported.differences] == [16.0]
    token = await read(get_id_token, IdTokenName(id_token=station_id))
    assert (token.id_token, token.type) == (station_id, None)


async def test_rows_say_the_version_and_what_stations_and_2x_call_them(records: Records) -> None:
    await records.token("T1")
    await records.decide(records.start(1, connector_id=2))
    await records.report(records.stop(9), records.stop(10, 77, station_id="S2"))
    (row,) = await records.transactions()
    assert (row["station_transaction_id"], row["evse_id"]) == (str(row["id"]), 2)
    (connector,) = await records.rows("SELECT connector_id, evse_id FROM connector")
    assert connector == {"connector_id": 2, "evse_id": 2}
    for table in ("stop", "quarantine"):
        (stored,) = await records.rows(f"SELECT ocpp_version FROM {table}")
        assert stored["ocpp_version"] == "ocpp16"
    told = {event["type"].split(".")[2]: event["data"] for event in await records.events()}
    for event in ("started", "stopped"):
        named = [told[event][name] for name in ("transaction_id", "station_transaction_id")]
        assert (named, told[event]["evse_id"]) == ([1, "1"], 2)


@pytest.fixture
def newer(records: Records) -> Callable[[str], Awaitable[None]]:
    """Let all rows of a table be those of a program that knows another OCPP version."""

    async def rewrite(table: str) -> None:
        await records.execute(f"UPDATE {table} SET ocpp_version = '{NEWER}'")

    return rewrite


def _unreadable(kind: str) -> float:
    name = "csms_session_unreadable_payloads_total"
    return REGISTRY.get_sample_value(name, {"kind": kind}) or 0.0


async def test_a_stop_of_a_version_that_is_unknown_is_shown_as_it_was_sent(
    records: Records, newer: Any
) -> None:
    await records.token("T1")
    await records.decide(records.start(1))
    await records.report(records.stop(9))
    await records.report(records.stop(8, 0))
    await newer("stop")
    counted = _unreadable("stop")
    (shown,) = await Reader(records.engine).evidence(1)
    assert (shown.why, shown.ocpp_version, shown.seq) == ("unknown_version", NEWER, 8)
    assert (shown.payload["transactionId"], shown.meter_stop) == (0, None)
    assert _unreadable("stop") == counted + 1


async def test_an_item_of_a_version_that_is_unknown_waits_and_keeps_no_other_waiting(
    records: Records, newer: Any
) -> None:
    await records.token("T1", max_concurrent=None)
    await records.report(records.stop(9, 0, idTag="T1"))
    await newer("quarantine")
    # Another station's, and another of the same one: both find their transactions.
    await records.report(
        records.stop(9, 0, idTag="T1", station_id="S2"),
        records.meter_values(5, -1, minutes=5),
    )
    await records.decide(records.start(1), records.start(1, station_id="S2"))
    found = "SELECT station_id, kind, status FROM quarantine ORDER BY 1, 2"
    open_stop = {"station_id": "S1", "kind": "stop", "status": "open"}
    waiting = [
        {"station_id": "S1", "kind": "meter_values", "status": "reconciled"},
        open_stop,
        {"station_id": "S2", "kind": "stop", "status": "reconciled"},
    ]
    assert await records.rows(found) == waiting
    await records.execute("UPDATE quarantine SET next_at = now()")
    await in_transaction(records.engine, reconcile_due)
    assert await records.rows(found) == waiting
    (item,) = await records.rows("SELECT id, attempts FROM quarantine WHERE status = 'open'")
    assert item["attempts"] == 1
    # A program that knows the version takes its turn.
    await records.execute("UPDATE quarantine SET next_at = now(), ocpp_version = 'ocpp16'")
    await in_transaction(records.engine, reconcile_due)
    assert {row["status"] for row in await records.rows(found)} == {"reconciled"}
    assert {row["status"] for row in await records.transactions()} == {"completed"}


async def test_nobody_attaches_an_item_of_a_version_that_is_unknown_by_hand(
    records: Records, newer: Any
) -> None:
    await records.token("T1")
    await records.report(records.stop(9, 0, idTag="T1"))
    await newer("quarantine")
    await records.decide(records.start(1))
    (item,) = await records.rows("SELECT id FROM quarantine WHERE status = 'open'")
    read = Reader(records.engine)
    with pytest.raises(ProblemRaised) as refused:
        await read(reconcile_item, Reconcile(id=str(item["id"]), transaction_id=1))
    assert (refused.value.problem.status, refused.value.problem.code) == (409, "unknown_version")
    for chosen in (None, 1):
        batch = {"action_id": uuid.uuid4(), "limit": 10, "transaction_id": chosen}
        outcome = await read(reconcile_many, ReconcileMany.model_validate(batch))
        assert (outcome.matched, outcome.done, outcome.failed) == (1, 0, 1)
        assert [failure.code for failure in outcome.failures] == ["unknown_version"]
    (item,) = await records.rows("SELECT status FROM quarantine")
    assert item["status"] == "open"


_ADD_PROFILE = (
    "INSERT INTO charging_profile (command_id, station_id, connector_id, profile_id, purpose, "
    "stack_level, sent_at, state, profile, ocpp_version) VALUES (gen_random_uuid(), :station_id, "
    "2, :profile_id, :purpose, :stack_level, CAST(:at AS timestamptz), 'waiting', "
    "CAST(:profile AS json), :version)"
)


async def _profile(records: Records, profile_id: int, version: str, **fields: Any) -> None:
    sent = {**_PROFILE, "chargingProfileId": profile_id}
    values = {
        "station_id": "S1",
        "purpose": "tx_default",
        "stack_level": profile_id,
        "at": utc_now(),
        "profile": orjson.dumps(sent if version != NEWER else {"id": profile_id}).decode(),
    } | fields
    await records.execute(_ADD_PROFILE, profile_id=profile_id, version=version, **values)


async def test_a_profile_of_a_version_that_is_unknown_keeps_its_state_and_no_other_from_its_own(
    records: Records,
) -> None:
    await _profile(records, 1, "ocpp16")
    await _profile(records, 2, NEWER, purpose="A newer one")
    await _profile(records, 3, "ocpp16", station_id="S2")
    await in_transaction(records.engine, settle_waiting)
    read = Reader(records.engine)
    shown = {item.profile_id: item for item in await read.profiles("S1")}
    assert (shown[1].state, shown[1].purpose) == ("installed", "TxDefaultProfile")
    assert (shown[2].state, shown[2].purpose) == ("waiting", "A newer one")
    assert (shown[2].ocpp_version, shown[2].profile) == (NEWER, {"id": 2})
    assert [item.state for item in await read.profiles("S2")] == ["installed"]
    assert (await read.composite("S1")).computed.periods[0].limit == 16.0


async def test_a_clearing_of_a_version_that_is_unknown_clears_nothing_yet(
    records: Records, newer: Any
) -> None:
    await _profile(records, 1, "ocpp16")
    await records.execute(
        "INSERT INTO charging_clearing (command_id, station_id, sent_at, payload) VALUES "
        "(gen_random_uuid(), 'S1', now() + interval '1 second', '{}')"
    )
    await newer("charging_clearing")
    read = Reader(records.engine)
    assert [item.state for item in await read.profiles("S1")] == ["installed"]
    await records.execute("UPDATE charging_clearing SET ocpp_version = 'ocpp16'")
    await in_transaction(records.engine, lambda c: settle(c, [("default", "S1")]))
    assert await read.profiles("S1") == []


async def test_a_schedule_of_a_version_that_is_unknown_is_shown_without_differences(
    records: Records, newer: Any
) -> None:
    await records.execute(
        "INSERT INTO reported_schedule (station_id, connector_id, command_id, sent_at, "
        "answered_at, response, computed) VALUES ('S1', 2, gen_random_uuid(), now(), now(), "
        "'{\"schedule\": 1}', CAST(:computed AS json))",
        computed=orjson.dumps(_COMPUTED).decode(),
    )
    await newer("reported_schedule")
    reported = (await Reader(records.engine).composite("S1")).reported
    assert (reported.ocpp_version, reported.response) == (NEWER, {"schedule": 1})
    assert (reported.computed.duration, reported.differences) == (60, [])


async def test_every_payload_has_a_version(records: Records) -> None:
    rows = await records.rows(
        "SELECT table_name, column_default, is_nullable FROM information_schema.columns "
        f"WHERE table_schema = '{SCHEMA}' AND column_name = 'ocpp_version'"
    )
    assert {row["table_name"] for row in rows} == set(PAYLOADS)
    assert {(row["column_default"], row["is_nullable"]) for row in rows} == {
        ("'ocpp16'::text", "NO")
    }
