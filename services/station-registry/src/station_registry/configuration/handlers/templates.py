"""Templates of wanted configuration values: kept, compared, applied where an operator says so."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.configuration import (
    AppliedTemplate,
    ApplyTemplate,
    CreateTemplate,
    Drift,
    DriftState,
    ListTemplates,
    ReplaceTemplate,
    StationDrift,
    TemplateId,
    TemplateStations,
    TemplateView,
)
from csms_shared.contracts.orders import CommandOrder
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.cursors import as_text, decode_cursor, encode_cursor
from csms_shared.ocpp.intents import ChangeConfiguration
from csms_shared.ocpp.secret_keys import is_secret_key
from csms_shared.runtime.clock import now_ms, utc_now
from csms_shared.values.tenant_keys import key_without_tenant
from csms_shared.values.texts import is_storable
from csms_shared.values.times import format_time
from station_registry.configuration.domain import (
    KnownKey,
    drift,
    key_of,
    pieces_to_read,
    to_send,
)
from station_registry.configuration.handlers.requests import read_order
from station_registry.configuration.store.templates import (
    create_template,
    delete_template,
    get_template,
    list_templates,
    lock_templates,
    replace_template,
    stations_of,
)
from station_registry.configuration.store.values import (
    read_configuration,
    save_ordered,
)
from station_registry.database.sql import at
from station_registry.database.station_locks import lock_stations
from station_registry.database.telling import place_orders
from station_registry.ocpp.orders.commands import command_order
from station_registry.provisioning import store as stations
from station_registry.sites.store import unknown_sites

# As many of a list of unknown stations or sites are named.
_NAMED_UNKNOWN = 10
# How long a change waits for a station that is offline.
CHANGE_WITHIN_MS = 24 * 3600_000


async def list_all(connection: AsyncConnection, query: ListTemplates) -> Page[TemplateView]:
    """Return a page of templates by name."""
    after = "" if query.cursor is None else decode_cursor(query.cursor, as_text)[0]
    rows = await list_templates(connection, query.tenant_id, after, query.limit + 1)
    shown = rows[: query.limit]
    cursor = encode_cursor(key_without_tenant(shown[-1].name)) if len(rows) > query.limit else None
    return Page(items=[_view(row) for row in shown], next_cursor=cursor)


async def create(connection: AsyncConnection, content: CreateTemplate) -> TemplateView:
    """Make a template."""
    await _check(connection, content)
    template_id = uuid.uuid4()
    if not await create_template(connection, template_id, content):
        raise _name_taken(content.name)
    return _view(await _template(connection, content.tenant_id, template_id))


async def get(connection: AsyncConnection, name: TemplateId) -> TemplateView:
    """Return one template."""
    return _view(await _template(connection, name.tenant_id, name.template_id))


async def replace(connection: AsyncConnection, content: ReplaceTemplate) -> TemplateView:
    """Give a template new content."""
    await _check(connection, content)
    await lock_templates(connection)
    await _template(connection, content.tenant_id, content.template_id)
    if not await replace_template(connection, content.template_id, content):
        raise _name_taken(content.name)
    return _view(await _template(connection, content.tenant_id, content.template_id))


async def delete(connection: AsyncConnection, name: TemplateId) -> None:
    """Delete a template; stations keep what they have."""
    if not await delete_template(connection, name.tenant_id, name.template_id):
        raise _not_found(name.template_id)


async def show_drift(connection: AsyncConnection, query: TemplateStations) -> Page[StationDrift]:
    """Return a page of the template's stations, each with what is not as wanted."""
    template = await _template(connection, query.tenant_id, query.template_id)
    ids, cursor = await _stations(connection, query)
    drifts = _drifts(template.wanted, await read_configuration(connection, ids))
    return Page(
        items=[StationDrift(station_id=each, drift=drifts[each]) for each in ids],
        next_cursor=cursor,
    )


async def apply(connection: AsyncConnection, request: ApplyTemplate) -> AppliedTemplate:
    """Order the changes of what differs; stations that were never read are read first."""
    template = await _template(connection, request.tenant_id, request.template_id)
    ids, cursor = await _stations(connection, request)
    await lock_stations(connection, ids)
    known = await read_configuration(connection, ids)
    drifts = _drifts(template.wanted, known)
    unread = {
        station_id: keys
        for station_id in ids
        if (keys := [each.key for each in drifts[station_id] if each.state is DriftState.UNREAD])
    }
    changes = [
        (each, _change_order(station_id, each, request.created_by))
        for station_id in ids
        for each in to_send(drifts[station_id])
    ]
    await save_ordered(
        connection,
        [
            (order.station_id, each.key, each.wanted, at(order.deadline_ms), order.order_id)
            for each, order in changes
        ],
    )
    orders = [order for _, order in changes]
    orders += [
        read_order(station_id, keys, request.created_by)
        for station_id, missing in unread.items()
        for keys in pieces_to_read(missing, known[station_id])
    ]
    await place_orders(connection, orders)
    return AppliedTemplate(
        stations=len(ids),
        command_ids=[str(order.order_id) for order in orders],
        unread=list(unread),
        next_cursor=cursor,
    )


def _change_order(station_id: str, wanted: Drift, created_by: str) -> CommandOrder:
    change = ChangeConfiguration(key=wanted.key, value=wanted.wanted)
    return command_order(station_id, change, now_ms(), CHANGE_WITHIN_MS, created_by)


async def _stations(
    connection: AsyncConnection, query: TemplateStations
) -> tuple[list[str], str | None]:
    after = "" if query.cursor is None else decode_cursor(query.cursor, as_text)[0]
    ids = await stations_of(connection, query.tenant_id, query.template_id, after, query.limit + 1)
    shown = ids[: query.limit]
    return shown, encode_cursor(shown[-1]) if len(ids) > query.limit else None


def _drifts(
    wanted: Mapping[str, str], known: Mapping[str, Mapping[str, KnownKey]]
) -> dict[str, list[Drift]]:
    now = utc_now()
    return {station_id: drift(wanted, keys, now) for station_id, keys in known.items()}


async def _template(
    connection: AsyncConnection, tenant_id: str, template_id: uuid.UUID
) -> Row[Any]:
    row = await get_template(connection, tenant_id, template_id)
    if row is None:
        raise _not_found(template_id)
    return row


async def _check(connection: AsyncConnection, content: CreateTemplate) -> None:
    secret = [
        (f"values.{name}", "is a secret: never in a template")
        for name in content.values
        if is_secret_key(name)
    ]
    folded = [key_of(name) for name in content.values]
    twice = [
        (f"values.{name}", "is there twice, in another case")
        for name in content.values
        if folded.count(key_of(name)) > 1
    ]
    named = {name for name in content.station_ids if is_storable(name)}
    known = await stations.known_of(connection, content.tenant_id, named)
    sites = await unknown_sites(connection, content.tenant_id, content.site_ids)
    unknown = [
        ("station_ids", f"there is no {name}") for name in sorted(named - known)[:_NAMED_UNKNOWN]
    ]
    unknown += [
        ("site_ids", f"there is no {site_id}") for site_id in sorted(sites)[:_NAMED_UNKNOWN]
    ]
    if secret or twice or unknown:
        raise refuse(
            422, "template_invalid", "the template is not valid", *secret, *twice, *unknown
        )


def _view(row: Row[Any]) -> TemplateView:
    return TemplateView(
        template_id=str(row.template_id),
        name=key_without_tenant(row.name),
        values=row.wanted,
        station_ids=row.station_ids,
        vendor=row.vendor,
        model=row.model,
        site_ids=row.site_ids,
        tags=row.tags,
        created_at=format_time(row.created_at),
        updated_at=format_time(row.updated_at),
    )


def _name_taken(name: str) -> ProblemRaised:
    return refuse(
        409, "template_exists", f"there is a template {name} already", ("name", "is taken")
    )


def _not_found(template_id: uuid.UUID) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no configuration template {template_id}")
