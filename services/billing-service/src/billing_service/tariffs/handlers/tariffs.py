"""Requests on tariffs."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.tariffs.domain.reading import InvalidTariff, read_tariff
from billing_service.tariffs.domain.tariff import Tariff
from billing_service.tariffs.store import tariffs as store
from billing_service.tariffs.store.tariffs import TariffNames, VersionToKeep
from csms_shared.contracts.billing import (
    ChangeTariff,
    CreateTariff,
    DeleteTariff,
    GetTariff,
    TariffView,
)
from csms_shared.contracts.refusals import ProblemRaised, refuse

# Beyond it a field of the answer would be longer than a page.
_PROBLEMS_MAX = 100


async def get_tariff(connection: AsyncConnection, asked: GetTariff) -> TariffView:
    """Return a tariff.

    Raises:
        ProblemRaised: the tenant has none of that id, or not that version of it.
    """
    named = TariffNames(asked.tenant_id, asked.tariff_id)
    if asked.version is None:
        found = await store.get(connection, named)
    else:
        found = await store.get_version(connection, named, asked.version)
    if found is None:
        raise no_tariff(named)
    return found


async def create_tariff(connection: AsyncConnection, asked: CreateTariff) -> TariffView:
    """Store a new tariff; asked again, it is the same one.

    Raises:
        ProblemRaised: it is no tariff.
    """
    named = TariffNames(asked.tenant_id, asked.tariff_id)
    tariff = _read(asked.tariff)
    await store.add(connection, named, _kept(asked.name, asked.tariff, tariff, asked.created_by))
    found = await store.get(connection, named)
    if found is None:
        raise no_tariff(named)
    return found


async def change_tariff(connection: AsyncConnection, asked: ChangeTariff) -> TariffView:
    """Store a new version; where nothing is changed, there is none.

    Raises:
        ProblemRaised: it is no tariff, or the tenant has none of that id.
    """
    named = TariffNames(asked.tenant_id, asked.tariff_id)
    tariff = _read(asked.tariff)
    if not await store.lock(connection, named):
        raise no_tariff(named)
    known = await _known(connection, named)
    if (known.name, read_tariff(known.tariff)) == (asked.name, tariff):
        return known
    content = _kept(asked.name, asked.tariff, tariff, asked.changed_by)
    await store.renew(connection, named, known.version + 1, content)
    return await _known(connection, named)


async def delete_tariff(connection: AsyncConnection, asked: DeleteTariff) -> None:
    """Take a tariff away.

    Raises:
        ProblemRaised: it is assigned, or the tenant has none of that id.
    """
    named = TariffNames(asked.tenant_id, asked.tariff_id)
    if not await store.lock(connection, named):
        raise no_tariff(named)
    if await store.is_assigned(connection, named):
        raise refuse(409, "tariff_assigned", "this tariff is assigned: end its assignments first")
    await store.delete(connection, named)


def no_tariff(named: TariffNames) -> ProblemRaised:
    """Return the refusal of a tariff that there is not."""
    return refuse(404, "not_found", f"there is no tariff {named.tariff_id}")


async def _known(connection: AsyncConnection, named: TariffNames) -> TariffView:
    known = await store.get(connection, named)
    assert known is not None, "it is locked"
    return known


def _kept(name: str, document: dict[str, Any], tariff: Tariff, changed_by: str) -> VersionToKeep:
    return VersionToKeep(
        name=name,
        document=document,
        starts_at=tariff.start_date_time,
        ends_at=tariff.end_date_time,
        changed_by=changed_by,
    )


def _read(document: dict[str, Any]) -> Tariff:
    try:
        return read_tariff(document)
    except InvalidTariff as error:
        problems = [
            (f"tariff.{one.field}" if one.field else "tariff", one.message)
            for one in error.problems[:_PROBLEMS_MAX]
        ]
        raise refuse(422, "validation_failed", "this is no tariff", *problems) from error
