"""Sending bills on: as charge detail records, credits before what comes instead."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.bills.domain.bill import Bill
from billing_service.bills.domain.pricing import known_of
from billing_service.cdrs.domain.document import RecordOf
from billing_service.cdrs.store.records import Numbered, add_records
from billing_service.tariffs.store.choosing import Chosen, versions
from csms_shared.contracts.billing import BillKind


async def send(connection: AsyncConnection, bills: Sequence[Bill]) -> dict[UUID, Numbered]:
    """Write up bills and credits in their order; return the record of each by its bill."""
    named = {(one.tariff_id, one.tariff_version) for one in bills}
    tariffs = await versions(connection, named)
    return await add_records(connection, [*_records(bills, tariffs)])


def _records(
    bills: Sequence[Bill], tariffs: Mapping[tuple[UUID, int], Chosen]
) -> Iterable[tuple[str, RecordOf]]:
    for one in bills:
        known = known_of(one.facts)
        tariff = tariffs[one.tariff_id, one.tariff_version]
        yield (
            one.tenant_id,
            RecordOf(
                bill_id=one.bill_id,
                credits=one.corrects if one.kind is BillKind.CREDIT else None,
                cost=one.cost,
                tariff_id=one.tariff_id,
                tariff=tariff.tariff,
                tariff_changed_at=tariff.changed_at,
                subject=known.subject,
                place=known.place,
            ),
        )
