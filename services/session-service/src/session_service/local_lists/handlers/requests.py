"""Local lists as operators turn them on, read them and have them compared."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.local_lists import (
    KeepLocalList,
    LocalListName,
    LocalListStatus,
    LocalListView,
)
from csms_shared.contracts.refusals import refuse
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time
from session_service.local_lists.domain.answers import (
    begun_again,
)
from session_service.local_lists.domain.lists import (
    Stage,
)
from session_service.local_lists.handlers.synchronizing import advance
from session_service.local_lists.store import KeptList, keep_list, leave_list, lock_lists


async def get_local_list(connection: AsyncConnection, name: LocalListName) -> LocalListView:
    """Return where a station's list stands."""
    return _view(await _kept(connection, name))


async def keep_local_list(connection: AsyncConnection, request: KeepLocalList) -> LocalListView:
    """Keep a station's list from now on; a new selection is sent as a difference."""
    now = utc_now()
    station = request.tenant_id, request.station_id
    await keep_list(connection, station, request.group_ids, request.id_tokens, now)
    kept = await _kept(connection, request)
    kept.wanted_digest = kept.wanted_entries = None
    if kept.state.asked is None:
        # A list that was left alone meanwhile is compared first.
        ready = kept.state.stage is Stage.READY
        kept.state = replace(
            kept.state,
            stage=Stage.VERSION if ready else kept.state.stage,
            supported=True,
            failures=0,
            next_at=now,
        )
    await advance(connection, [kept])
    return _view(await _kept(connection, request))


async def sync_local_list(connection: AsyncConnection, name: LocalListName) -> LocalListView:
    """Begin anew with a station: limits, version, and what is missing."""
    kept = await _kept(connection, name)
    if not kept.row.enabled:
        raise refuse(409, "local_list_off", "the list of this station is left alone")
    if kept.state.asked is None:
        kept.state = begun_again(kept.state, utc_now())
        await advance(connection, [kept])
    return _view(await _kept(connection, name))


async def leave_local_list(connection: AsyncConnection, name: LocalListName) -> LocalListView:
    """Change a station's list no more; what it holds stays there."""
    await _kept(connection, name)
    await leave_list(connection, (name.tenant_id, name.station_id))
    return _view(await _kept(connection, name))


async def _kept(connection: AsyncConnection, name: LocalListName | KeepLocalList) -> KeptList:
    found = await lock_lists(connection, [(name.tenant_id, name.station_id)])
    if not found:
        raise refuse(404, "not_found", f"no local list of {name.station_id} is kept")
    return found[0]


def _view(kept: KeptList) -> LocalListView:
    state = kept.state
    return LocalListView(
        station_id=kept.station[1],
        status=_status(kept),
        group_ids=kept.row.group_ids,
        id_tokens=kept.row.id_tokens,
        wanted_entries=kept.wanted_entries,
        left_out=kept.left_out,
        known_version=state.known_version,
        last_sent_version=state.last_version,
        last_result=state.last_result,
        last_result_at=_text(state.last_result_at),
        checked_at=_text(state.checked_at),
        failures=state.failures,
        next_try_at=None if state.asked is not None else _text(state.next_at),
        max_entries=state.max_entries,
        max_entries_per_message=state.max_per_message,
    )


def _status(kept: KeptList) -> LocalListStatus:
    state = kept.state
    if not kept.row.enabled:
        return LocalListStatus.OFF
    if not state.supported:
        return LocalListStatus.UNSUPPORTED
    if state.has_given_up:
        return LocalListStatus.FAILED
    as_wanted = state.known_digest is not None and state.known_digest == kept.wanted_digest
    # While it is asked for its version, nobody knows any more.
    if as_wanted and state.asked is None:
        return LocalListStatus.IN_SYNC
    if state.asked is None and state.is_away:
        return LocalListStatus.WAITING
    return LocalListStatus.RETRYING if state.failures else LocalListStatus.UPDATING


def _text(at: datetime | None) -> str | None:
    return None if at is None else format_time(at)
