"""Requests about local authorization lists, answered by session-service."""

from enum import StrEnum

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.requests import OfTenant

SELECTION_MAX = 10_000


class LocalListStatus(StrEnum):
    """Where a station's list stands.

    `waiting`: the station is offline. `retrying`: an update failed. `failed`: it failed so often
    that nothing is tried any more until an operator asks for it. `unsupported`: the station has
    no such list. `off`: the list is left as it is.
    """

    IN_SYNC = "in_sync"
    UPDATING = "updating"
    WAITING = "waiting"
    RETRYING = "retrying"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    OFF = "off"


class LocalListView(Contract):
    """A station's list. `known_version`: of the list that the station surely holds.

    `group_ids` and `id_tokens` both null: every accepted token. `wanted_entries`: how many tokens
    the station is to hold; `left_out`: how many more were selected than it has room for.
    `max_entries`, `max_entries_per_message`: what the station says of itself
    (LocalAuthListMaxLength, SendLocalListMaxLength), null where it says nothing.
    """

    station_id: str
    status: LocalListStatus
    group_ids: list[str] | None
    id_tokens: list[str] | None
    wanted_entries: int | None
    left_out: int
    known_version: int | None
    last_sent_version: int
    last_result: str | None
    last_result_at: str | None
    checked_at: str | None
    failures: int
    next_try_at: str | None
    max_entries: int | None
    max_entries_per_message: int | None


class KeepLocalList(OfTenant):
    """Keep a station's list: tokens of these groups and these tokens, or every accepted one."""

    station_id: str
    group_ids: list[str] | None = Field(None, max_length=SELECTION_MAX)
    id_tokens: list[str] | None = Field(None, max_length=SELECTION_MAX)


class LocalListName(OfTenant):
    """Names the list of one station."""

    station_id: str


# operation -> parameters; results: LocalListView each.
LOCAL_LIST_OPERATIONS: dict[str, type[BaseModel]] = {
    "local_lists.get": LocalListName,
    "local_lists.keep": KeepLocalList,
    "local_lists.sync": LocalListName,
    "local_lists.leave": LocalListName,
}
