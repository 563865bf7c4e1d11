"""What stations answered about local lists, whoever asked (OCPP 1.6, 5.8, 5.10 and 5.15)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import SESSION_SERVICE
from session_service.local_lists.domain.answers import (
    somebody_sent,
    told_limits,
    told_result,
    told_version,
    with_limits,
)
from session_service.local_lists.domain.ends import QuestionEnd
from session_service.local_lists.domain.lists import LocalList, Result, Stage
from session_service.local_lists.handlers.synchronizing import advance
from session_service.local_lists.store import KeptList, lock_lists
from session_service.values.keys import TenantStation

Learn = Callable[[LocalList, QuestionEnd, bool], LocalList]


async def limits_completed(connection: AsyncConnection, ends: Sequence[QuestionEnd]) -> None:
    """Take over the limits that stations show in their configuration."""
    await _learn(connection, ends, _limits)


async def version_completed(connection: AsyncConnection, ends: Sequence[QuestionEnd]) -> None:
    """Compare the versions that stations show with what they should hold."""
    await _learn(connection, ends, _version)


async def list_completed(connection: AsyncConnection, ends: Sequence[QuestionEnd]) -> None:
    """Learn which updates stations have taken."""
    await _learn(connection, ends, _list)


async def _learn(connection: AsyncConnection, ends: Sequence[QuestionEnd], learn: Learn) -> None:
    lists = {
        kept.station: kept
        for kept in await lock_lists(connection, {(end.tenant_id, end.station_id) for end in ends})
    }
    changed: dict[TenantStation, KeptList] = {}
    for end in ends:
        kept = lists.get((end.tenant_id, end.station_id))
        if kept is None:
            continue
        expected = kept.state.asked is not None and kept.command_id == end.command_id
        if not expected and end.created_by == SESSION_SERVICE:
            continue  # repeated, or so late that it is asked anew already
        state = learn(kept.state, end, expected)
        if state != kept.state:
            kept.state = state
            changed[kept.station] = kept
    await advance(connection, list(changed.values()))


def _limits(state: LocalList, end: QuestionEnd, expected: bool) -> LocalList:
    if expected:
        return told_limits(state, end.result, end.limits, end.at)
    return with_limits(state, end.limits)


def _version(state: LocalList, end: QuestionEnd, expected: bool) -> LocalList:
    known = end.version
    if expected:
        return told_version(state, end.result, known, end.at)
    if known is None or known == state.known_version or state.stage is not Stage.READY:
        return state
    due = state.next_at if state.asked is not None else end.at
    return replace(state, stage=Stage.VERSION, next_at=due)


def _list(state: LocalList, end: QuestionEnd, expected: bool) -> LocalList:
    if expected:
        return told_result(state, end.result, end.at)
    if end.result in (Result.AWAY, Result.BUSY):
        return state
    return somebody_sent(state, end.version)
