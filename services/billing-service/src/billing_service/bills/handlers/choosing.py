"""By which tariff each session of a batch is priced."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from billing_service.bills.domain.facts import moment_of
from billing_service.bills.domain.pricing import ByTariff, Known
from billing_service.bills.store.bills import tariffs_of_bills
from billing_service.bills.store.sessions import Claim, Key
from billing_service.tariffs.store.choosing import ToPrice, choose, versions
from csms_shared.db.engine import in_transaction


async def choose_apart(
    engine: AsyncEngine, claims: Sequence[Claim], known: Mapping[Key, Known]
) -> tuple[dict[Key, ByTariff], dict[Key, Exception]]:
    """Return by which tariff sessions are priced, and of which that can't be said, and why.

    Raises:
        Unavailable: the database is away.
    """
    try:
        return await in_transaction(engine, lambda one: _by_tariffs(one, claims, known)), {}
    except (DBAPIError, ValueError) as error:
        if len(known) == 1:
            return {}, dict.fromkeys(known, error)
    by: dict[Key, ByTariff] = {}
    failed: dict[Key, Exception] = {}
    for key, one in known.items():
        chosen, why = await choose_apart(engine, claims, {key: one})
        by |= chosen
        failed |= why
    return by, failed


async def _by_tariffs(
    connection: AsyncConnection, claims: Iterable[Claim], known: Mapping[Key, Known]
) -> dict[Key, ByTariff]:
    """Return by which tariff sessions are priced; none where none is assigned.

    What was billed already is billed anew by the same: what has been assigned since then is of
    sessions to come.
    """
    billed = {one.key: one.bill_id for one in claims if one.bill_id and one.key in known}
    by = await _of_bills(connection, billed) if billed else {}
    of_tenants: dict[str, list[ToPrice]] = {}
    for key, one in known.items():
        if key not in by:
            of_tenants.setdefault(key[0], []).append(_to_price(one))
    for tenant_id, sessions in of_tenants.items():
        for transaction_id, chosen in (await choose(connection, tenant_id, sessions)).items():
            by[tenant_id, transaction_id] = ByTariff(
                chosen.tariff_id, chosen.version, chosen.name, chosen.tariff, chosen.assignment_id
            )
    return by


async def _of_bills(connection: AsyncConnection, billed: Mapping[Key, UUID]) -> dict[Key, ByTariff]:
    named = await tariffs_of_bills(connection, billed.values())
    found = await versions(connection, {(tariff, version) for tariff, version, _ in named.values()})
    by: dict[Key, ByTariff] = {}
    for key, bill_id in billed.items():
        tariff_id, version, assignment_id = named[bill_id]
        chosen = found[tariff_id, version]
        by[key] = ByTariff(tariff_id, version, chosen.name, chosen.tariff, assignment_id)
    return by


def _to_price(known: Known) -> ToPrice:
    subject = known.subject
    return ToPrice(
        transaction_id=known.number,
        started_at=moment_of(subject.started_at),
        id_token=subject.id_token,
        group_id=subject.group_id,
        station_id=subject.station_id,
        tags=subject.tags,
        site_id=subject.site_id,
    )
