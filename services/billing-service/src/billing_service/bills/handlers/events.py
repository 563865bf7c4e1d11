"""What is told of costs and bills; each id follows from the fact, not from who brought it."""

from datetime import datetime
from typing import Any

from billing_service.bills.domain.bill import Bill
from billing_service.bills.domain.subject import reservation_of, transaction_of
from billing_service.cdrs.store.records import Numbered
from csms_shared.contracts.event_data.billing import BillTold, CostChanged
from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time

SOURCE = "/csms/billing-service"
COST_CHANGED = "transaction.cost_changed"
ISSUED, CREDITED, HELD, RELEASED = "bill.issued", "bill.credited", "bill.held", "bill.released"
Event = tuple[str, CloudEvent]


def cost_changed(
    tenant_id: str,
    transaction_id: int,
    station_id: str,
    cost: dict[str, Any],
    measured_at: datetime,
) -> Event:
    """Tell what an open session has cost so far."""
    told = CostChanged(
        transaction_id=transaction_id,
        station_id=station_id,
        currency=cost["currency"],
        total_excl_vat=cost["total_excl_vat"],
        total_incl_vat=cost["total_incl_vat"],
        measured_at=format_time(measured_at),
    )
    cause = (tenant_id, transaction_id, told.measured_at, told.currency, told.total_excl_vat)
    return _event(COST_CHANGED, tenant_id, station_id, told.model_dump(), *cause)


def bill_told(routing_key: str, bill: Bill, record: Numbered | None) -> Event:
    """Tell of a bill or a credit, with the record that was written of it."""
    told = BillTold(
        bill_id=str(bill.bill_id),
        transaction_id=transaction_of(bill.transaction_id),
        reservation_id=reservation_of(bill.transaction_id),
        station_id=bill.station_id,
        revision=bill.revision,
        corrects=None if bill.corrects is None else str(bill.corrects),
        tariff_id=str(bill.tariff_id),
        tariff_version=bill.tariff_version,
        currency=bill.currency,
        total_excl_vat=bill.cost["total_excl_vat"],
        total_incl_vat=bill.cost["total_incl_vat"],
        energy_kwh=bill.cost["energy_kwh"],
        review=bill.review,
        cdr_id=None if record is None else str(record.cdr_id),
        cdr_position=None if record is None else record.position,
    )
    # A database that was restored may give the same id to another bill.
    cause = (told.bill_id, told.revision, told.total_excl_vat, told.cdr_position or 0)
    return _event(routing_key, bill.tenant_id, bill.station_id, told.model_dump(), *cause)


def _event(
    routing_key: str, tenant_id: str, station_id: str, data: dict[str, Any], *cause: str | int
) -> Event:
    return routing_key, CloudEvent.model_construct(
        id=event_id(routing_key, *cause),
        source=SOURCE,
        type=event_type(routing_key),
        subject=station_id,
        time=format_time(utc_now()),
        tenantid=tenant_id,
        data=data,
    )
