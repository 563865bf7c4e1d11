"""What REST asks of stations, of connections and of the fleet."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.replies import Replies
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.requests import OfTenant
from csms_shared.contracts.stations import (
    ChangeStation,
    ConnectorView,
    CreateStation,
    FleetCounts,
    FleetStatus,
    LookUpOwners,
    NoParameters,
    OfferProfile,
    OwnerView,
    SetPassword,
    StationDetail,
    StationName,
    StationView,
)
from csms_shared.db.engine import RequestHandler, in_transaction
from csms_shared.ocpp.credentials import SALT_BYTES
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, reply_messages
from csms_shared.values.texts import is_storable
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority
from station_registry.certificates.handlers.operations import (
    signing_warnings,
)
from station_registry.configuration.handlers import templates as templates
from station_registry.credentials.domain.password_changes import Passwords, change_password
from station_registry.credentials.domain.password_hashes import Credentials, set_password
from station_registry.credentials.domain.security_profiles import Profiles, offered
from station_registry.credentials.handlers.security_profiles import (
    check_profile,
    check_serial_number,
)
from station_registry.credentials.store.passwords import save_credentials, save_rotations
from station_registry.database.sql import at
from station_registry.database.telling import tell
from station_registry.events import fact
from station_registry.history import store as history
from station_registry.ownership.domain.presence import went_offline
from station_registry.ownership.handlers import controls
from station_registry.ownership.handlers.connections import gone
from station_registry.ownership.store import connections
from station_registry.provisioning import store as stations
from station_registry.provisioning.domain.descriptions import new_description
from station_registry.provisioning.domain.registration import (
    Policies,
    registration_change,
    status_on_creation,
)
from station_registry.sites.handlers import check_site
from station_registry.stations.domain import ChangeDecision, decide_change
from station_registry.stations.store import changes, views
from station_registry.tenants.handlers import take_room
from station_registry.traffic.store import refusals

_Answer = tuple[Any, list[Reply]]


class _NamesStation(Protocol):
    """What requests on one station have in common."""

    tenant_id: str
    station_id: str


def instructing(
    engine: AsyncEngine,
    replies: Replies,
    work: Callable[[AsyncConnection, Any], Awaitable[_Answer]],
) -> RequestHandler:
    """Return a handler that tells gateways of a change after its commit, as well as it can."""

    async def handler(parameters: BaseModel) -> Any:
        result, instructions = await in_transaction(
            engine, lambda connection: work(connection, parameters)
        )
        await replies.deliver(reply_messages(instructions))
        return result

    return handler


async def get_station(connection: AsyncConnection, name: StationName) -> StationView:
    """Return a station."""
    view = await views.get_station(connection, name.tenant_id, _storable(name.station_id))
    if view is None:
        raise _not_found(name.station_id)
    return view


async def get_detail(connection: AsyncConnection, name: StationName) -> StationDetail:
    """Return a station with its last refused handshake."""
    station = await get_station(connection, name)
    last_refusal = await refusals.last_of(connection, name.tenant_id, name.station_id)
    return StationDetail(**station.model_dump(), last_refusal=last_refusal)


async def list_connectors(connection: AsyncConnection, name: StationName) -> list[ConnectorView]:
    """Return a station's connectors."""
    found = await views.list_connectors(connection, name.tenant_id, _storable(name.station_id))
    if found is None:
        raise _not_found(name.station_id)
    return found


async def look_up_owners(connection: AsyncConnection, query: LookUpOwners) -> list[OwnerView]:
    """Tell where commands for these stations go."""
    return await views.look_up_owners(connection, query.station_ids)


async def fleet_status(
    authority: BuiltInAuthority | None, connection: AsyncConnection, _: NoParameters
) -> FleetStatus:
    """Return how the fleet does, and what keeps stations from getting certificates."""
    fleet = await views.fleet_status(connection)
    return fleet.model_copy(update={"warnings": await signing_warnings(connection, authority)})


async def fleet_counts(connection: AsyncConnection, asked: OfTenant) -> FleetCounts:
    """Return how many stations a tenant has."""
    return await views.fleet_counts(connection, asked.tenant_id)


async def create(
    policies: Policies, connection: AsyncConnection, wanted: CreateStation
) -> StationView:
    """Make a station; one that was deleted begins anew."""
    if not is_storable(wanted.station_id):
        raise refuse(
            422, "invalid_request", "the station id is not valid", ("station_id", "holds NUL")
        )
    check_profile(wanted.security_profile, policies.profiles)
    await take_room(connection, wanted.tenant_id)
    await check_serial_number(connection, wanted.station_id, wanted.registered_serial_number)
    await check_site(connection, wanted.tenant_id, wanted.site_id)
    credentials = set_password(
        Credentials(), wanted.credential_proofs, os.urandom(SALT_BYTES), keep_previous=False
    )
    created = await stations.create(
        connection,
        {
            "station_id": wanted.station_id,
            "tenant_id": wanted.tenant_id,
            "registration_status": status_on_creation(wanted.boot_policy, policies).value,
            "boot_policy": wanted.boot_policy,
            "security_profile": wanted.security_profile or 0,
            "registered_serial_number": wanted.registered_serial_number,
            "heartbeat_interval": wanted.heartbeat_interval,
            "strict": wanted.strict,
            "exempt_from_limits": wanted.exempt_from_limits,
            "password_hashes": list(credentials.current),
            **changes.description_columns(new_description(wanted)),
        },
    )
    if not created:
        raise refuse(409, "station_exists", f"there is a station {wanted.station_id} already")
    now = now_ms()
    await tell(
        connection,
        [fact("station.created", wanted.station_id, (wanted.station_id, now), now)],
    )
    return await get_station(
        connection, StationName(tenant_id=wanted.tenant_id, station_id=wanted.station_id)
    )


async def change(policies: Policies, connection: AsyncConnection, wanted: ChangeStation) -> _Answer:
    """Change registration and settings, and tell the gateway that holds the station."""
    station = await _lock(connection, wanted)
    decision = decide_change(
        station.standing, station.profiles, station.description, wanted, policies.profiles
    )
    if not isinstance(decision, ChangeDecision):
        raise ProblemRaised(decision)
    changed = replace(
        station,
        standing=decision.standing,
        profiles=decision.profiles,
        description=decision.description,
    )
    if changed.profiles.registered_serial_number != station.profiles.registered_serial_number:
        await check_serial_number(
            connection, station.station_id, changed.profiles.registered_serial_number
        )
    if changed.description.site_id != station.description.site_id:
        await check_site(connection, wanted.tenant_id, changed.description.site_id)
    version = await changes.save_changed(connection, changed)
    now = now_ms()
    if decision.standing.status is not station.standing.status:
        status = decision.standing.status.value
        await tell(
            connection,
            [
                fact(
                    "station.registration_changed",
                    station.station_id,
                    (station.station_id, now, status),
                    now,
                    registration_status=status,
                )
            ],
        )
    instructions = []
    before = registration_change(station.standing, policies)
    after = registration_change(changed.standing, policies)
    if changed.owner is not None and before != after:
        newest = after.model_copy(update={"version": version})
        instructions = [controls.registration(station.station_id, changed.owner, newest)]
    return await get_station(
        connection, StationName(tenant_id=wanted.tenant_id, station_id=station.station_id)
    ), instructions


async def delete(connection: AsyncConnection, name: StationName) -> _Answer:
    """Delete a station and close its socket."""
    await changes.lock_tenant_of(connection, _storable(name.station_id))
    station = await _lock(connection, name)
    now = now_ms()
    events = [fact("station.deleted", station.station_id, (station.station_id, now), now)]
    instructions: list[Reply] = []
    await changes.mark_deleted(connection, station.station_id)
    if (owner := station.owner) is not None:
        await connections.delete(connection, [station.station_id])
        change = went_offline(station.station_id, owner, "deleted", now)
        await history.save(connection, [change])
        events += gone(change, owner.connection_id)
        instructions = [controls.close(station.station_id, owner, "the station was deleted")]
    await tell(connection, events)
    return None, instructions


async def set_station_password(connection: AsyncConnection, wanted: SetPassword) -> None:
    """Change what passwords count, or take in what became of a rotation."""
    station = await _lock(connection, wanted)
    before = Passwords(station.credentials, station.rotations)
    after = change_password(before, wanted, os.urandom(SALT_BYTES), now_ms())
    if not isinstance(after, Passwords):
        raise ProblemRaised(after)
    if after is before:
        # News of a rotation that is superseded: also when it takes effect is of no interest.
        return
    reboot_at = None if wanted.reboot_required_ms is None else at(wanted.reboot_required_ms)
    await save_credentials(connection, station.station_id, after.credentials, reboot_at)
    await save_rotations(connection, station.station_id, after.rotations)


async def offer_profile(
    policies: Policies, connection: AsyncConnection, wanted: OfferProfile
) -> None:
    """Open the way to a higher security profile."""
    station = await _lock(connection, wanted)
    profiles = offered(
        station.profiles, station.credentials, wanted.security_profile, policies.profiles
    )
    if not isinstance(profiles, Profiles):
        raise ProblemRaised(profiles)
    await changes.save_changed(connection, replace(station, profiles=profiles))


async def _lock(connection: AsyncConnection, named: _NamesStation) -> changes.ChangingStation:
    station_id = _storable(named.station_id)
    station = await changes.lock_station(connection, named.tenant_id, station_id)
    if station is None:
        raise _not_found(station_id)
    return station


def _storable(station_id: str) -> str:
    if not is_storable(station_id):
        raise _not_found(station_id)
    return station_id


def _not_found(station_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no station {station_id}")
