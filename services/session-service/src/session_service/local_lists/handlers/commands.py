"""What stations answered about local lists, whoever asked (OCPP 1.6, 5.8, 5.10 and 5.15)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.broker.topology import SESSION_SERVICE
from csms_shared.contracts.orders import CompletedCommand, OrderRefusal
from csms_shared.values.numbers import INT32_MAX, as_integer, parse_integer
from csms_shared.values.times import read_moment
from session_service.local_lists.domain.answers import (
    somebody_sent,
    told_limits,
    told_result,
    told_version,
    with_limits,
)
from session_service.local_lists.domain.lists import (
    LocalList,
    Result,
    Stage,
)
from session_service.local_lists.handlers.synchronizing import LIMIT_KEYS, advance
from session_service.local_lists.store import KeptList, lock_lists

Learn = Callable[[LocalList, CompletedCommand, bool], LocalList]

_UNSUPPORTED = frozenset({"NotSupported", "NotImplemented"})
# Not asked because of what the suite knows of the station: as good as offline.
_NOT_NOW = frozenset(
    {
        OrderRefusal.UNKNOWN_STATION,
        OrderRefusal.STATION_PENDING,
        OrderRefusal.STATION_REJECTED,
    }
)
_STATUSES = {
    "Accepted": Result.ACCEPTED,
    "Failed": Result.FAILED,
    "NotSupported": Result.NOT_SUPPORTED,
    "VersionMismatch": Result.VERSION_MISMATCH,
}


async def limits_completed(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Take over the limits that stations show in their configuration."""
    await _learn(connection, commands, _limits)


async def version_completed(
    connection: AsyncConnection, commands: Sequence[CompletedCommand]
) -> None:
    """Compare the versions that stations show with what they should hold."""
    await _learn(connection, commands, _version)


async def list_completed(connection: AsyncConnection, commands: Sequence[CompletedCommand]) -> None:
    """Learn which updates stations have taken."""
    await _learn(connection, commands, _list)


async def _learn(
    connection: AsyncConnection, commands: Sequence[CompletedCommand], learn: Learn
) -> None:
    lists = {
        kept.station_id: kept
        for kept in await lock_lists(connection, {command.station_id for command in commands})
    }
    changed: dict[str, KeptList] = {}
    for command in commands:
        kept = lists.get(command.station_id)
        if kept is None:
            continue
        expected = kept.state.asked is not None and kept.command_id == command.command_id
        if not expected and command.created_by == SESSION_SERVICE:
            continue  # repeated, or so late that it is asked anew already
        state = learn(kept.state, command, expected)
        if state != kept.state:
            kept.state = state
            changed[kept.station_id] = kept
    await advance(connection, list(changed.values()))


def _limits(state: LocalList, command: CompletedCommand, expected: bool) -> LocalList:
    limits = read_limits(command.response or {})
    if expected:
        return told_limits(state, result_of(command), limits, _at(command))
    return with_limits(state, limits)


def _version(state: LocalList, command: CompletedCommand, expected: bool) -> LocalList:
    known = as_integer((command.response or {}).get("listVersion"))
    if expected:
        return told_version(state, result_of(command), known, _at(command))
    if known is None or known == state.known_version or state.stage is not Stage.READY:
        return state
    due = state.next_at if state.asked is not None else _at(command)
    return replace(state, stage=Stage.VERSION, next_at=due)


def _list(state: LocalList, command: CompletedCommand, expected: bool) -> LocalList:
    result = result_of(command)
    if expected:
        return told_result(state, result, _at(command))
    if result in (Result.AWAY, Result.BUSY):
        return state
    return somebody_sent(state, as_integer(command.payload.get("listVersion")))


def result_of(command: CompletedCommand) -> Result:
    """Return what a question came to."""
    match command.status:
        case "completed":
            status = (command.response or {}).get("status")
            return Result.ACCEPTED if status is None else _STATUSES.get(status, Result.FAILED)
        case "outcome_unknown":
            return Result.UNKNOWN
        case "station_offline" | "expired":
            return Result.AWAY
    code = "" if command.error is None else command.error.code
    if code == "BUSY":
        return Result.BUSY
    if code in _NOT_NOW:
        return Result.AWAY
    return Result.NOT_SUPPORTED if code in _UNSUPPORTED else Result.FAILED


def read_limits(response: Mapping[str, Any]) -> dict[str, int]:
    """Return the limits in an answer to GetConfiguration; those that are no number are none."""
    limits: dict[str, int] = {}
    for entry in response.get("configurationKey") or ():
        key, value = entry.get("key"), entry.get("value")
        for known in LIMIT_KEYS:
            # Keys are compared without case (7.29), and stations pad numbers.
            if str(key).lower() == known.lower():
                number = parse_integer(str(value))
                if number is not None and number > 0:
                    limits[known] = min(number, INT32_MAX)
    return limits


def _at(command: CompletedCommand) -> datetime:
    return read_moment(command.completed_at)
