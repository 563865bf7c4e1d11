"""What REST asks of the registry: one function per operation of `STATION_OPERATIONS`."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from csms_shared.broker.publisher import Publisher
from csms_shared.broker.replies import Replies
from csms_shared.broker.topology import STATION_REGISTRY
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.stations import (
    LOOK_UP_OWNERS,
    ChangeStation,
    ConnectionView,
    ConnectorView,
    CreateStation,
    FleetStatus,
    ListConnections,
    LookUpOwners,
    NoParameters,
    OfferProfile,
    OwnerView,
    SetPassword,
    StationDetail,
    StationName,
    StationView,
)
from csms_shared.db.engine import RequestHandler, in_transaction, transactional
from csms_shared.db.outbox import write_events
from csms_shared.db.parked_requests import parked_operations
from csms_shared.ocpp.credentials import SALT_BYTES
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Reply, reply_messages
from csms_shared.values.texts import is_storable
from station_registry.certificates.handlers.built_in_authority import BuiltInAuthority
from station_registry.certificates.handlers.operations import (
    certificate_operations,
    signing_warnings,
)
from station_registry.configuration.handlers import requests as configuration
from station_registry.configuration.handlers import templates as templates
from station_registry.credentials.domain.password_changes import Passwords, change_password
from station_registry.credentials.domain.password_hashes import Credentials, set_password
from station_registry.credentials.domain.security_profiles import Profiles, offered
from station_registry.credentials.handlers.security_profiles import (
    check_profile,
    check_serial_number,
)
from station_registry.database.sql import at
from station_registry.database.tables import bulk_action, outbox, parked
from station_registry.events import fact
from station_registry.jobs.handlers import rollout_requests
from station_registry.jobs.handlers.requests import create_job, get_job, list_jobs
from station_registry.ownership.handlers import controls
from station_registry.ownership.handlers.connections import gone
from station_registry.ownership.store import connections
from station_registry.provisioning import store as stations
from station_registry.provisioning.domain.registration import (
    Policies,
    registration_change,
    status_on_creation,
)
from station_registry.security_events import store as security_events
from station_registry.stations.domain import ChangeDecision, decide_change
from station_registry.stations.store import changes, views
from station_registry.traffic.handlers.recordings import list_messages
from station_registry.traffic.handlers.refusals import get_refusal, list_refusals
from station_registry.traffic.store import refusals

_Answer = tuple[Any, list[Reply]]


def station_operations(
    engine: AsyncEngine,
    publisher: Publisher,
    replies: Replies,
    policies: Policies,
    authority: BuiltInAuthority | None = None,
) -> dict[str, RequestHandler]:
    """Return who handles each operation."""
    instructing = partial(_instructing, engine, replies)
    return {
        "stations.list": transactional(engine, views.list_stations),
        "stations.create": transactional(engine, partial(_create, policies)),
        "stations.get": transactional(engine, _get_detail),
        "stations.change": instructing(partial(_change, policies)),
        "stations.delete": instructing(_delete),
        "stations.set_password": transactional(engine, _set_password),
        "stations.offer_profile": transactional(engine, partial(_offer_profile, policies)),
        "stations.connectors": transactional(engine, _connectors),
        "connections.list": transactional(engine, _connections),
        # Also here: an older command-api does not know that they have a lane.
        LOOK_UP_OWNERS: owner_look_ups(engine),
        "fleet.status": transactional(engine, partial(_fleet, authority)),
        "jobs.create": transactional(engine, create_job),
        "jobs.get": transactional(engine, get_job),
        "jobs.list": transactional(engine, list_jobs),
        "rollouts.create": transactional(engine, rollout_requests.create_rollout),
        "rollouts.get": transactional(engine, rollout_requests.get_rollout),
        "rollouts.list": transactional(engine, rollout_requests.list_rollouts),
        "rollouts.steer": transactional(engine, rollout_requests.steer_rollout),
        "rollouts.stations": transactional(engine, rollout_requests.list_rollout_stations),
        "security_events.list": transactional(engine, security_events.list_events),
        **certificate_operations(engine, authority),
        "messages.list": transactional(engine, list_messages),
        "refusals.list": transactional(engine, list_refusals),
        "refusals.get": transactional(engine, get_refusal),
        "configuration.get": transactional(engine, configuration.get_configuration),
        "configuration.values": transactional(engine, configuration.configuration_values),
        "configuration.refresh": transactional(engine, configuration.refresh_configuration),
        "configuration_templates.list": transactional(engine, templates.list_all),
        "configuration_templates.create": transactional(engine, templates.create),
        "configuration_templates.get": transactional(engine, templates.get),
        "configuration_templates.replace": transactional(engine, templates.replace),
        "configuration_templates.delete": transactional(engine, templates.delete),
        "configuration_templates.drift": transactional(engine, templates.show_drift),
        "configuration_templates.apply": transactional(engine, templates.apply),
        **parked_operations(engine, publisher, parked, bulk_action, STATION_REGISTRY),
    }


def owner_look_ups(engine: AsyncEngine) -> RequestHandler:
    """Return who tells where commands go."""
    return transactional(engine, _owners)


def _instructing(
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


async def _get(connection: AsyncConnection, name: StationName) -> StationView:
    view = await views.get_station(connection, _storable(name.station_id))
    if view is None:
        raise _not_found(name.station_id)
    return view


async def _get_detail(connection: AsyncConnection, name: StationName) -> StationDetail:
    station = await _get(connection, name)
    last_refusal = await refusals.last_of(connection, name.station_id)
    return StationDetail(**station.model_dump(), last_refusal=last_refusal)


async def _connectors(connection: AsyncConnection, name: StationName) -> list[ConnectorView]:
    found = await views.list_connectors(connection, _storable(name.station_id))
    if found is None:
        raise _not_found(name.station_id)
    return found


async def _connections(connection: AsyncConnection, query: ListConnections) -> Page[ConnectionView]:
    return await views.list_connections(connection, query)


async def _owners(connection: AsyncConnection, query: LookUpOwners) -> list[OwnerView]:
    return await views.look_up_owners(connection, query.station_ids)


async def _fleet(
    authority: BuiltInAuthority | None, connection: AsyncConnection, _: NoParameters
) -> FleetStatus:
    fleet = await views.fleet_status(connection)
    return fleet.model_copy(update={"warnings": await signing_warnings(connection, authority)})


async def _create(
    policies: Policies, connection: AsyncConnection, wanted: CreateStation
) -> StationView:
    if not is_storable(wanted.station_id):
        raise refuse(
            422, "invalid_request", "the station id is not valid", ("station_id", "holds NUL")
        )
    check_profile(wanted.security_profile, policies.profiles)
    await check_serial_number(connection, wanted.station_id, wanted.registered_serial_number)
    credentials = set_password(
        Credentials(), wanted.credential_proofs, os.urandom(SALT_BYTES), keep_previous=False
    )
    created = await stations.create(
        connection,
        {
            "station_id": wanted.station_id,
            "registration_status": status_on_creation(wanted.boot_policy, policies).value,
            "boot_policy": wanted.boot_policy,
            "security_profile": wanted.security_profile or 0,
            "registered_serial_number": wanted.registered_serial_number,
            "heartbeat_interval": wanted.heartbeat_interval,
            "strict": wanted.strict,
            "exempt_from_limits": wanted.exempt_from_limits,
            "password_hashes": list(credentials.current),
        },
    )
    if not created:
        raise refuse(409, "station_exists", f"there is a station {wanted.station_id} already")
    now = now_ms()
    await write_events(
        connection,
        outbox,
        [fact("station.created", wanted.station_id, (wanted.station_id, now), now)],
    )
    return await _get(connection, StationName(station_id=wanted.station_id))


async def _change(
    policies: Policies, connection: AsyncConnection, wanted: ChangeStation
) -> _Answer:
    station = await _lock(connection, wanted.station_id)
    decision = decide_change(station.standing, station.profiles, wanted, policies.profiles)
    if not isinstance(decision, ChangeDecision):
        raise ProblemRaised(decision)
    changed = replace(station, standing=decision.standing, profiles=decision.profiles)
    if changed.profiles.registered_serial_number != station.profiles.registered_serial_number:
        await check_serial_number(
            connection, station.station_id, changed.profiles.registered_serial_number
        )
    version = await changes.save_changed(connection, changed)
    now = now_ms()
    if decision.standing.status is not station.standing.status:
        status = decision.standing.status.value
        await write_events(
            connection,
            outbox,
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
    return await _get(connection, StationName(station_id=station.station_id)), instructions


async def _delete(connection: AsyncConnection, name: StationName) -> _Answer:
    station = await _lock(connection, name.station_id)
    now = now_ms()
    told = [fact("station.deleted", station.station_id, (station.station_id, now), now)]
    instructions: list[Reply] = []
    await changes.mark_deleted(connection, station.station_id)
    if (owner := station.owner) is not None:
        await connections.delete(connection, [station.station_id])
        told += gone(
            station.station_id,
            (owner.connection_id,),
            now,
            owner.connection_id,
            owner.epoch,
            "deleted",
        )
        instructions = [controls.close(station.station_id, owner, "the station was deleted")]
    await write_events(connection, outbox, told)
    return None, instructions


async def _set_password(connection: AsyncConnection, wanted: SetPassword) -> None:
    station = await _lock(connection, wanted.station_id)
    before = Passwords(station.credentials, station.rotations)
    after = change_password(before, wanted, os.urandom(SALT_BYTES), now_ms())
    if not isinstance(after, Passwords):
        raise ProblemRaised(after)
    if after is before:
        # News of a rotation that is superseded: also when it takes effect is of no interest.
        return
    reboot_at = None if wanted.reboot_required_ms is None else at(wanted.reboot_required_ms)
    await changes.save_credentials(connection, station.station_id, after.credentials, reboot_at)
    await changes.save_rotations(connection, station.station_id, after.rotations)


async def _offer_profile(
    policies: Policies, connection: AsyncConnection, wanted: OfferProfile
) -> None:
    station = await _lock(connection, wanted.station_id)
    profiles = offered(
        station.profiles, station.credentials, wanted.security_profile, policies.profiles
    )
    if not isinstance(profiles, Profiles):
        raise ProblemRaised(profiles)
    await changes.save_changed(connection, replace(station, profiles=profiles))


async def _lock(connection: AsyncConnection, station_id: str) -> changes.ChangingStation:
    station = await changes.lock_station(connection, _storable(station_id))
    if station is None:
        raise _not_found(station_id)
    return station


def _storable(station_id: str) -> str:
    if not is_storable(station_id):
        raise _not_found(station_id)
    return station_id


def _not_found(station_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no station {station_id}")
