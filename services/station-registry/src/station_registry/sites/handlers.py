"""What REST asks of sites."""

from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.requests import Problem
from csms_shared.contracts.sites import (
    ChangeSite,
    CreateSite,
    GetSite,
    ListSites,
    SiteName,
    SiteView,
)
from csms_shared.db.cursors import as_text, decode_cursor, encode_cursor
from csms_shared.runtime.clock import now_ms
from csms_shared.values.texts import is_storable
from csms_shared.values.times import format_time
from station_registry.database.telling import tell
from station_registry.events import fact_about
from station_registry.sites import store
from station_registry.sites.domain import SITE_FIELDS, Site, changed_site, new_site
from station_registry.sites.scopes import scope_parameters


async def list_all(connection: AsyncConnection, query: ListSites) -> Page[SiteView]:
    """Return a page of sites by id."""
    filters = query.model_dump(include={"q", "tag"}, exclude_none=True)
    filters |= scope_parameters(query.scope)
    if query.cursor is not None:
        filters["after"] = decode_cursor(query.cursor, as_text)[0]
    rows = await store.list_sites(connection, query.tenant_id, filters, query.limit + 1)
    shown = rows[: query.limit]
    cursor = encode_cursor(shown[-1].site_id) if len(rows) > query.limit else None
    return Page(items=[_view(row) for row in shown], next_cursor=cursor)


async def create(connection: AsyncConnection, wanted: CreateSite) -> SiteView:
    """Make a site."""
    site = _valid(new_site(wanted))
    row = await store.create_site(connection, wanted.tenant_id, site)
    if row is None:
        raise refuse(
            409, "site_exists", f"there is a site {site.site_id} already", ("site_id", "is taken")
        )
    await _tell(connection, wanted.tenant_id, "site.created", site)
    return _view(row)


async def get(connection: AsyncConnection, name: GetSite) -> SiteView:
    """Return one site."""
    row = await store.get_site(connection, name.tenant_id, _storable(name.site_id), name.scope)
    return _view(_found(row, name.site_id))


async def change(connection: AsyncConnection, wanted: ChangeSite) -> SiteView:
    """Change what is given; nothing is told where that is as it was."""
    row = await _locked(connection, wanted.tenant_id, wanted.site_id)
    before = store.read_site(row)
    site = _valid(changed_site(before, wanted))
    if site == before:
        return _view(row)
    row = await store.change_site(connection, wanted.tenant_id, site)
    await _tell(connection, wanted.tenant_id, "site.updated", site)
    return _view(row)


async def delete(connection: AsyncConnection, name: SiteName) -> None:
    """Delete a site that has no stations."""
    row = await _locked(connection, name.tenant_id, name.site_id)
    station_id = await store.station_of(connection, name.tenant_id, name.site_id)
    if station_id is not None:
        raise refuse(409, "site_has_stations", f"{station_id} stands at the site {name.site_id}")
    await store.delete_site(connection, name.tenant_id, name.site_id)
    await _tell(connection, name.tenant_id, "site.deleted", store.read_site(row))


async def _locked(connection: AsyncConnection, tenant_id: str, site_id: str) -> Row[Any]:
    return _found(await store.lock_site(connection, tenant_id, _storable(site_id)), site_id)


async def check_site(connection: AsyncConnection, tenant_id: str, site_id: str | None) -> None:
    """Keep the site that a tenant's station is to stand at until the commit.

    Raises:
        ProblemRaised: the tenant has no such site.
    """
    if site_id is None:
        return
    if not is_storable(site_id) or not await store.hold_site(connection, tenant_id, site_id):
        raise refuse(
            422, "unknown_site", f"there is no site {site_id}", ("site_id", "there is no such site")
        )


async def _tell(connection: AsyncConnection, tenant_id: str, key: str, site: Site) -> None:
    """Tell what a site is now, or was."""
    now = now_ms()
    data = _content(site)
    told = orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()
    event = fact_about(key, site.site_id, (site.site_id, now, told), now, data, tenant_id)
    await tell(connection, [event])


def _content(site: Site) -> dict[str, Any]:
    hours = site.opening_hours
    return {
        **{name: getattr(site, name) for name in SITE_FIELDS},
        "opening_hours": None if hours is None else hours.model_dump(),
        "tags": list(site.tags),
    }


def _view(row: Row[Any]) -> SiteView:
    return SiteView(
        **_content(store.read_site(row)),
        created_at=format_time(row.created_at),
        updated_at=format_time(row.updated_at),
    )


def _valid(site: Site | Problem) -> Site:
    if isinstance(site, Problem):
        raise ProblemRaised(site)
    return site


def _storable(site_id: str) -> str:
    if not is_storable(site_id):
        raise _not_found(site_id)
    return site_id


def _found(row: Row[Any] | None, site_id: str) -> Row[Any]:
    if row is None:
        raise _not_found(site_id)
    return row


def _not_found(site_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no site {site_id}")
