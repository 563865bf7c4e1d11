"""Locks that several handlers of a batch need: taken for the whole batch, in one order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.service.dispatch import Part
from csms_shared.service.inbox import Work
from csms_shared.values.texts import is_storable
from station_registry.database.station_locks import lock_stations
from station_registry.jobs.store.jobs import lock_jobs_of


@dataclass(frozen=True, slots=True)
class Locks:
    """What the handler of a route locks.

    `stations_of` names the stations that it locks: they are locked before the first handler.
    `jobs_of` names those whose job locks it needs: they are taken before the first handler that
    needs any.
    """

    stations_of: Callable[[Sequence[Work]], set[str]] | None = None
    jobs_of: Callable[[Sequence[Work]], set[str]] | None = None


_Part = Part[Locks]


async def take_locks(connection: AsyncConnection, upcoming: _Part, parts: Sequence[_Part]) -> None:
    """Take the locks that are due before the handler of the upcoming part of a batch."""
    if upcoming is parts[0]:
        await _lock_stations(connection, parts)
    if upcoming is next(filter(_needs_jobs, parts), None):
        await _lock_jobs(connection, parts)


def _needs_jobs(part: _Part) -> bool:
    locks = part.route.locks
    return locks is not None and locks.jobs_of is not None


async def _lock_stations(connection: AsyncConnection, parts: Sequence[_Part]) -> None:
    named = [
        stations_of(part.works)
        for part in parts
        if (locks := part.route.locks) is not None
        and (stations_of := locks.stations_of) is not None
    ]
    # One handler alone takes its locks in the right order itself, unless job locks come before it.
    if len(named) > 1 or any(map(_needs_jobs, parts)):
        await lock_stations(connection, filter(is_storable, set[str]().union(*named)))


async def _lock_jobs(connection: AsyncConnection, parts: Sequence[_Part]) -> None:
    named = [
        jobs_of(part.works)
        for part in parts
        if (locks := part.route.locks) is not None and (jobs_of := locks.jobs_of) is not None
    ]
    ids = set[str]().union(*named)
    if ids:
        await lock_jobs_of(connection, {name for name in ids if is_storable(name)})
