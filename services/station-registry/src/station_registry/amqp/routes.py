"""Which handler takes which message, in the order in which their locks are taken."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.message_types import MessageType
from csms_shared.ocpp import v16
from csms_shared.ocpp.versions import OCPP16
from csms_shared.service.inbox import Apply, Reply, Work
from csms_shared.values.texts import is_storable
from station_registry.amqp.completed_commands import (
    note_completed_commands,
    stations_of_changing_commands,
    stations_of_job_commands,
)
from station_registry.domain.jobs import KIND_OF_REPORT
from station_registry.domain.registration import Policies
from station_registry.handlers.availability import note_statuses
from station_registry.handlers.certificate_requests import SigningNow, sign_certificate
from station_registry.handlers.claims import admit_unknown, claim
from station_registry.handlers.data_transfer import transfer_data
from station_registry.handlers.jobs import note_job_reports
from station_registry.handlers.leases import renew_leases
from station_registry.handlers.ownership import (
    note_liveness,
    reassert_connections,
    release_connections,
)
from station_registry.handlers.probes import answer_probes
from station_registry.handlers.provisioning import boot
from station_registry.handlers.recordings import store_recordings
from station_registry.handlers.refusals import note_refusals
from station_registry.handlers.security_events import note_security_events
from station_registry.handlers.works import stations_of_items
from station_registry.store.jobs import lock_jobs_of
from station_registry.store.stations import lock_all

Handler = Callable[[AsyncConnection, Sequence[Work]], Awaitable[list[Reply]]]


@dataclass(frozen=True, slots=True)
class Route:
    """Messages of one contract, and of one call where the contract carries calls.

    `stations_of` names the stations that the handler locks: they are locked for the whole batch,
    in one order, before the first handler. `first` runs before that. `jobs_of` names the stations
    whose job locks the handler needs: they are taken for the whole batch, in one order, before the
    first handler that needs any.
    """

    type: MessageType
    handler: Handler
    version: str | None = None
    action: str | None = None
    stations_of: Callable[[Sequence[Work]], set[str]] | None = None
    first: Callable[[AsyncConnection, Sequence[Work]], Awaitable[None]] | None = None
    jobs_of: Callable[[Sequence[Work]], set[str]] | None = None

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """What a message must have to go this way."""
        return self.type.value, self.version, self.action


class UnknownMessage(Exception):
    """No handler takes a message like this one."""


def decision_routes(policies: Policies, signing: SigningNow) -> tuple[Route, ...]:
    """Return the routes of the decisions queue.

    Leases and re-assertions come here from gateways of the version before (ADR 0029).
    """
    calls = MessageType.CALLS
    return (
        Route(
            MessageType.CLAIMS,
            partial(claim, policies=policies),
            stations_of=stations_of_items,
            first=partial(admit_unknown, policies=policies),
        ),
        *reassertion_routes(policies),
        Route(
            calls,
            partial(boot, policies=policies),
            OCPP16,
            v16.BOOT_NOTIFICATION,
            stations_of=stations_of_items,
        ),
        Route(
            calls,
            partial(sign_certificate, signing=signing),
            OCPP16,
            v16.SIGN_CERTIFICATE,
            stations_of=stations_of_items,
        ),
        Route(calls, transfer_data, OCPP16, v16.DATA_TRANSFER),
        Route(MessageType.PROBE, answer_probes),
        # Last, and after the stations everywhere: claims may have introduced the same gateway.
        *lease_routes(),
    )


def lease_routes() -> tuple[Route, ...]:
    """Return the routes of the queue of leases."""
    return (Route(MessageType.LEASE, renew_leases),)


def reassertion_routes(policies: Policies) -> tuple[Route, ...]:
    """Return the routes of the queue of re-assertions."""
    reassert = partial(reassert_connections, policies=policies)
    return (Route(MessageType.REASSERTIONS, reassert, stations_of=stations_of_items),)


def report_routes() -> tuple[Route, ...]:
    """Return the routes of the reports queue."""
    return (
        Route(MessageType.RELEASES, release_connections, stations_of=stations_of_items),
        Route(MessageType.LIVENESS, note_liveness),
        Route(MessageType.CALLS, note_statuses, OCPP16, v16.STATUS_NOTIFICATION),
        Route(MessageType.CALLS, note_security_events, OCPP16, v16.SECURITY_EVENT_NOTIFICATION),
        Route(MessageType.REFUSALS, note_refusals),
        *(
            Route(MessageType.CALLS, note_job_reports, OCPP16, action, jobs_of=stations_of_items)
            for action in KIND_OF_REPORT
        ),
        Route(
            MessageType.EVENTS,
            note_completed_commands,
            stations_of=stations_of_changing_commands,
            jobs_of=stations_of_job_commands,
        ),
    )


def recording_routes() -> tuple[Route, ...]:
    """Return the routes of the recordings queue."""
    return (Route(MessageType.RECORDINGS, store_recordings),)


def apply_by(routes: tuple[Route, ...]) -> Apply:
    """Return what applies a batch of any mix: each handler once, in the order of the routes."""
    table = {route.key: route for route in routes}

    async def apply(connection: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        grouped: dict[Route, list[Work]] = {}
        for work in works:
            key = (work.type, work.envelope.get("version"), work.envelope.get("action"))
            route = table.get(key if work.type == MessageType.CALLS else (work.type, None, None))
            if route is None:
                raise UnknownMessage(f"no handler takes {key}")
            grouped.setdefault(route, []).append(work)
        for route, some in grouped.items():
            if route.first is not None:
                await route.first(connection, some)
        await _lock_stations(connection, grouped)
        replies: list[Reply] = []
        locked = False
        for route in routes:
            if route not in grouped:
                continue
            if route.jobs_of is not None and not locked:
                await _lock_jobs(connection, grouped)
                locked = True
            replies += await route.handler(connection, grouped[route])
        return replies

    return apply


async def _lock_stations(connection: AsyncConnection, grouped: dict[Route, list[Work]]) -> None:
    locking = [route for route in grouped if route.stations_of is not None]
    # One handler alone takes its locks in the right order itself, unless job locks come before it.
    if len(locking) > 1 or any(route.jobs_of is not None for route in grouped):
        ids: set[str] = set()
        for route in locking:
            if route.stations_of is not None:
                ids |= route.stations_of(grouped[route])
        await lock_all(
            connection, sorted(station_id for station_id in ids if is_storable(station_id))
        )


async def _lock_jobs(connection: AsyncConnection, grouped: dict[Route, list[Work]]) -> None:
    ids: set[str] = set()
    for route, works in grouped.items():
        if route.jobs_of is not None:
            ids |= route.jobs_of(works)
    if ids:
        await lock_jobs_of(connection, {name for name in ids if is_storable(name)})
