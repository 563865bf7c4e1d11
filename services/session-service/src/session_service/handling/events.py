"""The public events of sessions; each id follows from the fact, not from who brought it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row

from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time
from session_service.charging.domain.installed_profiles import AcceptedProfile
from session_service.metering.domain import MeterReport, energy_wh
from session_service.quarantine.store.items import Unmatched
from session_service.transactions.domain.starts import Start, StartedTransaction
from session_service.transactions.domain.stops import Stop, Transaction

SOURCE = "/csms/session-service"
Event = tuple[str, CloudEvent]


def transaction_started(transaction: StartedTransaction, start: Start) -> Event:
    """Tell of a new transaction."""
    data = {
        "transaction_id": transaction.id,
        "station_id": start.station_id,
        "connector_id": start.connector_id,
        "id_token": start.id_token,
        "started_at": format_time(start.started_at),
        "meter_start": start.meter_start,
        "authorization_status": transaction.authorization.status.value,
        "status": transaction.status.value,
        "epoch": start.stamp[0],
        "seq": start.stamp[1],
    }
    if start.reservation_id is not None:
        data["reservation_id"] = start.reservation_id
    # After a restore the same start may get another id, which is another fact.
    cause = _joined(start.key.hex(), transaction.id)
    return _event("transaction.started", cause, start.station_id, data)


class Correction(StrEnum):
    """Why the end of a transaction is told otherwise than before.

    `OWN_STOP`: the stop that counted did not name it, and now there is one that does.
    `EARLIER_STOP`: a stop that the station sent before came to us later. `STOP_AFTER_CLOSE`: it
    was closed by hand, and stays so; the station's own stop is told beside it.
    """

    OWN_STOP = "own_stop"
    EARLIER_STOP = "earlier_stop"
    STOP_AFTER_CLOSE = "stop_after_close"


def transaction_stopped(transaction: Transaction, closed_by: str | None = None) -> Event:
    """Tell that a transaction has ended, for the first time.

    The event is the revision that follows on the transaction's.
    """
    data = _ended(transaction)
    if closed_by is not None:
        data["closed_by"] = closed_by
    return _told(transaction, "transaction.stopped", data)


def transaction_corrected(
    before: Transaction, transaction: Transaction, correction: Correction, stop: Stop | None = None
) -> Event:
    """Tell that what was told of a transaction's end does not hold, or not by itself.

    The event is the revision that follows on the transaction's.

    `stop` is what the station said of a transaction that was closed by hand.
    """
    data = _ended(transaction)
    data["correction"] = correction.value
    data["previous"] = {**_figures(before), "flags": sorted(before.flags)}
    if stop is not None:
        data["station_stop"] = {
            "stopped_at": format_time(stop.stopped_at),
            "meter_stop": stop.meter_stop,
            "energy_wh": energy_wh(transaction.meter_start, stop.meter_stop),
            "reason": stop.reason,
        }
    return _told(transaction, "transaction.corrected", data)


def _ended(transaction: Transaction) -> dict[str, Any]:
    data = {
        "transaction_id": transaction.id,
        "revision": transaction.revision + 1,
        "station_id": transaction.station_id,
        "connector_id": transaction.connector_id,
        "id_token": transaction.id_token,
        "started_at": format_time(transaction.started_at),
        "meter_start": transaction.meter_start,
        **_figures(transaction),
        "flags": sorted(transaction.flags),
    }
    if transaction.stop_stamp is not None:
        data["epoch"], data["seq"] = transaction.stop_stamp
    return data


_FIGURES = ("stopped_at", "meter_stop", "reason", "stop_id_token")


def _figures(transaction: Transaction) -> dict[str, Any]:
    stopped_at, meter_stop = transaction.stopped_at, transaction.meter_stop
    return {
        "stopped_at": None if stopped_at is None else format_time(stopped_at),
        "meter_stop": meter_stop,
        "energy_wh": energy_wh(transaction.meter_start, meter_stop),
        "reason": transaction.stop_reason,
        "stop_id_token": transaction.stop_id_token,
    }


def _told(transaction: Transaction, routing_key: str, data: dict[str, Any]) -> Event:
    """Return an event of the end; its id stands for this very content.

    A database that was restored counts revisions again, so the figures are part of the id too.
    """
    cause = _joined(
        transaction.key.hex(),
        transaction.id,
        data["revision"],
        *(data[name] for name in _FIGURES),
        data.get("closed_by"),
        data.get("correction"),
        *data.get("previous", {}).values(),
        *data.get("station_stop", {}).values(),
    )
    return _event(routing_key, cause, transaction.station_id, data)


def meter_values_received(
    report: MeterReport, transaction_id: int | None, meter_values: Any
) -> Event:
    """Tell of a call's meter values, in the words that the station used."""
    cause = "".join(
        sorted(f"{sample.sampled_at.isoformat()}{sample.digest.hex()}" for sample in report.samples)
    )
    data = {
        "station_id": report.station_id,
        "connector_id": report.connector_id,
        "transaction_id": transaction_id,
        "meter_values": meter_values,
        "epoch": report.stamp[0],
        "seq": report.stamp[1],
    }
    return _event("meter_values.received", cause, report.station_id, data)


def quarantine_added(item: Unmatched) -> Event:
    """Tell of a report that fits no transaction."""
    data = {
        "id": str(item.id),
        "kind": item.kind,
        "station_id": item.station_id,
        "wire_transaction_id": item.wire_id,
        "reason": item.reason,
        "epoch": item.stamp[0],
        "seq": item.stamp[1],
    }
    return _event("quarantine.added", str(item.id), item.station_id, data)


def id_token_changed(key: str, version: int, created_at: datetime, data: dict[str, Any]) -> Event:
    """Tell of a token that was created, changed or deleted."""
    cause = f"{key}\x1f{version}\x1f{created_at.isoformat()}"
    return _event("id_token.changed", cause, data["id_token"], data)


def reservation_event(row: Row[Any], change: str | None = None) -> Event:
    """Tell what became of a reservation: its status, or that it was `created`."""
    data = {
        "reservation_id": row.id,
        "station_reservation_id": row.wire_id,
        "station_id": row.station_id,
        "connector_id": row.connector_id,
        "id_token": row.id_token,
        "status": row.status,
        "reason": row.reason,
        "expires_at": format_time(row.expires_at),
        "transaction_id": row.transaction_id,
    }
    cause = _joined(row.id, row.reason, row.ended_at, row.transaction_id)
    return _event(f"reservation.{change or row.status}", cause, row.station_id, data)


def charging_profile_told(key: str, accepted: AcceptedProfile) -> Event:
    """Tell that a station took a charging profile, or that it has it no more."""
    profile = accepted.profile
    data = {
        "station_id": accepted.station_id,
        "connector_id": profile.connector_id,
        "profile_id": profile.profile_id,
        "purpose": profile.purpose.value,
        "stack_level": profile.stack_level,
        "transaction_id": profile.transaction_id,
        "command_id": str(accepted.command_id),
        "state": accepted.state.value,
    }
    cause = _joined(accepted.command_id, accepted.state.value, profile.transaction_id)
    return _event(key, cause, accepted.station_id, data)


def _joined(*parts: object) -> str:
    return "\x1f".join("" if part is None else str(part) for part in parts)


def _event(routing_key: str, cause: str, subject: str, data: dict[str, Any]) -> Event:
    # Our own values need no validation, which on the path of meter values is a cost.
    return routing_key, CloudEvent.model_construct(
        id=event_id(routing_key, cause),
        source=SOURCE,
        type=event_type(routing_key),
        subject=subject,
        time=format_time(utc_now()),
        data=data,
    )
