"""The public events of transactions; each id follows from the fact, not from who brought it."""

from collections.abc import Collection
from typing import Any

from csms_shared.contracts.event_data.transactions import Correction
from csms_shared.values.times import format_time
from session_service.handling.events import Event, event_of, joined
from session_service.metering.domain import MeterReport, energy_wh
from session_service.metering.store import SampleKey
from session_service.transactions.domain.live_figures import Live
from session_service.transactions.domain.starts import Start, StartedTransaction
from session_service.transactions.domain.stops import Stop, Transaction


def transaction_started(transaction: StartedTransaction, start: Start) -> Event:
    """Tell of a new transaction."""
    data = {
        "transaction_id": transaction.id,
        "station_transaction_id": str(transaction.id),
        "station_id": start.station_id,
        "evse_id": start.evse_id,
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
    cause = joined(start.key.hex(), transaction.id)
    return event_of("transaction.started", start.tenant_id, cause, start.station_id, data)


def transaction_updated(transaction: Transaction, live: Live) -> Event:
    """Tell of an open transaction's newest figures, `live`; those that are not known are null."""
    figures = {
        "energy_wh": live.energy_wh,
        "power_w": live.power_w,
        "soc_percent": live.soc_percent,
        "measured_at": format_time(live.measured_at),
    }
    data = {
        "transaction_id": transaction.id,
        "station_transaction_id": transaction.station_transaction_id,
        "station_id": transaction.station_id,
        "evse_id": transaction.evse_id,
        "connector_id": transaction.connector_id,
        **figures,
    }
    cause = joined(transaction.key.hex(), transaction.id, *figures.values())
    return event_of(
        "transaction.updated", transaction.tenant_id, cause, transaction.station_id, data
    )


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


def values_late(transaction: Transaction, values: Collection[SampleKey]) -> Event:
    """Tell of values of a transaction that had ended when they came."""
    data = {
        "transaction_id": transaction.id,
        "station_transaction_id": transaction.station_transaction_id,
        "station_id": transaction.station_id,
        "evse_id": transaction.evse_id,
        "connector_id": transaction.connector_id,
        "number": len(values),
    }
    keys = sorted(f"{at.isoformat()}{digest.hex()}" for at, digest in values)
    cause = joined(transaction.key.hex(), transaction.id, *keys)
    return event_of(
        "transaction.values_late", transaction.tenant_id, cause, transaction.station_id, data
    )


def _ended(transaction: Transaction) -> dict[str, Any]:
    data = {
        "transaction_id": transaction.id,
        "station_transaction_id": transaction.station_transaction_id,
        "revision": transaction.revision + 1,
        "station_id": transaction.station_id,
        "evse_id": transaction.evse_id,
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
    cause = joined(
        transaction.key.hex(),
        transaction.id,
        data["revision"],
        *(data[name] for name in _FIGURES),
        data.get("closed_by"),
        data.get("correction"),
        *data.get("previous", {}).values(),
        *data.get("station_stop", {}).values(),
    )
    return event_of(routing_key, transaction.tenant_id, cause, transaction.station_id, data)


def meter_values_received(
    report: MeterReport, transaction: Transaction | None, meter_values: Any
) -> Event:
    """Tell of a call's meter values, in the words that the station used."""
    cause = "".join(
        sorted(f"{sample.sampled_at.isoformat()}{sample.digest.hex()}" for sample in report.samples)
    )
    data = {
        "station_id": report.station_id,
        "connector_id": report.connector_id,
        "transaction_id": None if transaction is None else transaction.id,
        "meter_values": meter_values,
        "epoch": report.stamp[0],
        "seq": report.stamp[1],
    }
    tenant_id = report.tenant_id if transaction is None else transaction.tenant_id
    return event_of("meter_values.received", tenant_id, cause, report.station_id, data)
