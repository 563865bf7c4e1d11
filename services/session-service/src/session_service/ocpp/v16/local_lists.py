"""Local authorization lists in OCPP 1.6: entries, what of them stations are told, what they answer.

Entries are stored as they are sent, and so are digests of them: both are opaque to the block.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from csms_shared.contracts.orders import CompletedCommand, OrderRefusal
from csms_shared.ocpp.intents import ListedToken, UpdateLocalList
from csms_shared.ocpp.v16_intents import LISTED_STATUSES, MAX_LISTED, MAX_LISTED_AT_ONCE
from csms_shared.values.numbers import INT32_MAX, as_integer, parse_integer
from csms_shared.values.times import read_moment
from session_service.local_lists.domain.ends import QuestionEnd
from session_service.local_lists.domain.lists import Content, Entry, Limits, Result, Update
from session_service.ocpp.v16.answers import UNSUPPORTED
from session_service.ocpp.v16.tokens import id_tag_info
from session_service.tokens.domain import Authorization

_NEUTRAL_STATUSES = {said: status for status, said in LISTED_STATUSES.items()}
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


def write_entry(id_token: str, authorization: Authorization) -> Entry:
    """Return what a station is told of a token."""
    return {"idTag": id_token, "idTagInfo": id_tag_info(authorization)}


def digest_of(content: Content) -> str:
    """Return what tells one content from another."""
    lines = [f"{key}\x1f{sorted(_flat(content[key]).items())}" for key in sorted(content)]
    return blake2b("\x1e".join(lines).encode(), digest_size=16).hexdigest()


def _flat(entry: Entry) -> dict[str, str]:
    return {"idTag": str(entry["idTag"]), **entry["idTagInfo"]}


def wanted_update(update: Update) -> UpdateLocalList:
    """Return what a station is asked to do with its list."""
    return UpdateLocalList(
        version=update.version,
        full=update.full,
        taken_off=tuple(entry["idTag"] for entry in update.gone),
        put_on=tuple(map(_listed, update.changed)),
    )


def _listed(entry: Entry) -> ListedToken:
    info = entry["idTagInfo"]
    return ListedToken(
        id_token=entry["idTag"],
        status=_NEUTRAL_STATUSES[info["status"]],
        expires_at=info.get("expiryDate"),
        group_id=info.get("parentIdTag"),
    )


def read_limits_end(command: CompletedCommand) -> QuestionEnd:
    """Return the limits that a station shows in its configuration, whoever asked."""
    return _end(command, limits=_limits(command.response or {}))


def read_version_end(command: CompletedCommand) -> QuestionEnd:
    """Return the version that a station shows."""
    return _end(command, version=as_integer((command.response or {}).get("listVersion")))


def read_update_end(command: CompletedCommand) -> QuestionEnd:
    """Return what a station says of an update of this version."""
    return _end(command, version=as_integer(command.payload.get("listVersion")))


def _end(
    command: CompletedCommand, *, limits: Limits | None = None, version: int | None = None
) -> QuestionEnd:
    return QuestionEnd(
        command_id=command.command_id,
        tenant_id=command.tenant_id,
        station_id=command.station_id,
        created_by=command.created_by,
        at=read_moment(command.completed_at),
        result=_result(command),
        limits=limits or Limits(),
        version=version,
    )


def _result(command: CompletedCommand) -> Result:
    match command.status:
        case "completed":
            return _result_of((command.response or {}).get("status"))
        case "outcome_unknown":
            return Result.UNKNOWN
        case "station_offline" | "expired":
            return Result.AWAY
    code = "" if command.error is None else command.error.code
    if code == "BUSY":
        return Result.BUSY
    if code in _NOT_NOW:
        return Result.AWAY
    return Result.NOT_SUPPORTED if code in UNSUPPORTED else Result.FAILED


def _result_of(status: object) -> Result:
    # Some answers have no status in their schema: what a station puts there may be anything.
    if status is None:
        return Result.ACCEPTED
    return _STATUSES.get(status, Result.FAILED) if isinstance(status, str) else Result.FAILED


def _limits(response: Mapping[str, Any]) -> Limits:
    """Return the limits in an answer to GetConfiguration; those that are no number are none."""
    found: dict[str, int] = {}
    for entry in response.get("configurationKey") or ():
        key, value = entry.get("key"), entry.get("value")
        for known in (MAX_LISTED, MAX_LISTED_AT_ONCE):
            # Keys are compared without case (7.29), and stations pad numbers.
            if str(key).lower() == known.lower():
                number = parse_integer(str(value))
                if number is not None and number > 0:
                    found[known] = min(number, INT32_MAX)
    return Limits(found.get(MAX_LISTED), found.get(MAX_LISTED_AT_ONCE))
