"""A tenant of which everything is stored that a request may name."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from session_asker import Asker
from session_records import Records

from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time
from session_service.values.keys import token_key_in_tenant

COMMAND = UUID(int=7)


def soon(minutes: float = 60) -> str:
    return format_time(datetime.now(UTC) + timedelta(minutes=minutes))


def completed(
    tenant_id: str, station_id: str, action: str, payload: dict[str, Any], **changes: Any
) -> Work:
    """Return the end of a command that the station accepted."""
    now = soon(0)
    data = {
        "command_id": str(uuid4()),
        "tenant_id": tenant_id,
        "station_id": station_id,
        "action": action,
        "payload": payload,
        "status": "completed",
        "accepted": True,
        "response": {"status": "Accepted"},
        "created_by": "admin",
        "created_at": now,
        "sent_at": now,
        "completed_at": now,
        "deadline": now,
    } | changes
    return event(tenant_id, station_id, "command.completed", data)


def event(tenant_id: str, station_id: str, key: str, data: dict[str, Any]) -> Work:
    """Return an event as the queue of reports has it."""
    item = {
        "id": str(uuid4()),
        "source": "/csms/tests",
        "type": f"csms.{key}.v1",
        "subject": station_id,
        "time": soon(0),
        "tenantid": tenant_id,
        "data": data,
    }
    return Work("events.v1", {}, [item])


PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
    },
}
SET_PROFILE = {"connectorId": 1, "csChargingProfiles": PROFILE}
OTHER_PROFILE = {
    "connectorId": 1,
    "csChargingProfiles": PROFILE | {"chargingProfileId": 2, "stackLevel": 1},
}


async def token(records: Records, tenant_id: str, id_token: str = "T1", **columns: Any) -> None:
    """Store an id token of a tenant."""
    values = {"status": "accepted", "group_id": None, "max_concurrent": 1} | columns
    await records.execute(
        "INSERT INTO id_token (tenant_id, key, id_token, status, group_id, max_concurrent) "
        "VALUES (:tenant_id, :key, :id_token, :status, :group_id, :max_concurrent)",
        tenant_id=tenant_id,
        key=token_key_in_tenant(tenant_id, id_token),
        id_token=id_token,
        **values,
    )


async def store_all(records: Records, asker: Asker, tenant_id: str, station_id: str) -> None:
    """Store a transaction that goes on and one that has ended, and everything else there is."""
    await token(records, tenant_id, max_concurrent=None, group_id="Fleet")
    at = {"station_id": station_id, "tenant_id": tenant_id}
    await records.execute(
        "INSERT INTO station_place (tenant_id, station_id, site_id, tags, version) "
        "VALUES (:tenant_id, :station_id, 'P1', '{fast}', 1)",
        **at,
    )
    first, second = await records.answers(
        records.start(1, **at), records.start(2, connector_id=2, meter_start=7, **at)
    )
    ended, active = first["transactionId"], second["transactionId"]
    await records.report(
        records.meter_values(3, ended, **at),
        records.stop(4, ended, **at),
        records.stop(5, ended, meter_stop=900, **at),
        records.meter_values(6, active, connector_id=2, **at),
        # What fits nothing: two items for the quarantine.
        records.stop(7, 4711, idTag="nobody", **at),
        records.meter_values(8, 4712, connector_id=7, **at),
    )
    wanted = {"station_id": station_id, "connector_id": 1, "id_token": "T1"}
    await asker(
        "reservations.create", **wanted, expires_at=soon(), created_by="a", command_id=str(COMMAND)
    )
    await asker("local_lists.keep", station_id=station_id)
    schedule = {"status": "Accepted", "connectorId": 1, "scheduleStart": soon(0)} | {
        "chargingSchedule": PROFILE["chargingSchedule"]
    }
    await records.report(
        completed(tenant_id, station_id, "SetChargingProfile", SET_PROFILE),
        completed(
            tenant_id,
            station_id,
            "GetCompositeSchedule",
            {"connectorId": 1, "duration": 60},
            response=schedule,
        ),
    )
