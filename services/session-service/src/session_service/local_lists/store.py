"""Statements on local authorization lists, for whole batches."""

# ruff: noqa: S608 - statements are joined from constants of this module

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.db.row_arrays import arrays, columns_of, names, unnest
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.id_tokens import token_key
from csms_shared.values.tenant_keys import key_in_tenant, key_without_tenant
from session_service.local_lists.domain.lists import (
    Ask,
    Content,
    LocalList,
    Stage,
)
from session_service.local_lists.tables import local_list, local_list_content
from session_service.tokens.domain import Token
from session_service.values.keys import TenantStation, token_key_in_tenant

# CiString20Type (OCPP 1.6, 7.15): a longer token can't be told to a station.
_ID_TOKEN_MAX = 20
DUE_AT_ONCE = 500

Groups = Mapping[str, Collection[str]]

_STATE = (
    "stage",
    "known_version",
    "known_digest",
    "last_version",
    "doubtful_version",
    "doubtful_digest",
    "asked",
    "sent_version",
    "sent_digest",
    "sent_completes",
    "max_entries",
    "max_per_message",
    "failures",
    "supported",
    "last_result",
    "last_result_at",
    "checked_at",
    "next_at",
)
_KEPT = (
    "command_id",
    "wanted_digest",
    "wanted_entries",
    "left_out",
    "fingerprint",
)
_WRITTEN = columns_of(local_list, "station_id", *_KEPT, *_STATE)
_LOCK = text(
    "SELECT * FROM local_list WHERE station_id = ANY(:stations) ORDER BY station_id FOR UPDATE"
)
_LOCK_DUE = text(
    "SELECT * FROM local_list WHERE station_id IN (SELECT station_id FROM local_list "
    "WHERE enabled AND next_at <= CAST(:now AS timestamptz) ORDER BY next_at LIMIT :limit) "
    "ORDER BY station_id FOR UPDATE SKIP LOCKED"
)
_KEEP = text(
    "INSERT INTO local_list (tenant_id, station_id, enabled, group_ids, id_tokens, next_at) "
    "VALUES (:tenant_id, :station_id, true, :group_ids, :id_tokens, :now) "
    "ON CONFLICT (station_id) DO UPDATE SET enabled = true, "
    "group_ids = excluded.group_ids, id_tokens = excluded.id_tokens, fingerprint = NULL"
)
_LEAVE = text("UPDATE local_list SET enabled = false WHERE station_id = :station_id")
_WRITE = text(
    "UPDATE local_list SET updated_at = now(), "
    + ", ".join(f"{name} = new.{name}" for name, _ in _WRITTEN if name != "station_id")
    + f" FROM {unnest(_WRITTEN, 'new')} WHERE local_list.station_id = new.station_id"
)
_SELECTED = (
    f"FROM id_token WHERE {of_tenant()} AND status = 'accepted' AND key <> '' "
    "AND (expires_at IS NULL OR expires_at > CAST(:now AS timestamptz)) "
    f"AND char_length(id_token) <= {_ID_TOKEN_MAX} AND (CAST(:every AS boolean) "
    "OR group_id = ANY(:groups) OR key = ANY(:keys))"
)
# One line per token, so that a change of any of them changes the whole.
_FINGERPRINT = text(
    "SELECT count(*) AS entries, md5(coalesce(string_agg(concat_ws(chr(31), key, id_token, "
    "expires_at, group_id), chr(30) ORDER BY key), '')) AS fingerprint "
    f"FROM (SELECT * {_SELECTED} ORDER BY key LIMIT :limit) AS chosen"
)
_COUNT = text(f"SELECT count(*) {_SELECTED}")
_TOKENS = text(
    "SELECT key, id_token, status, expires_at, group_id, max_concurrent "
    f"{_SELECTED} ORDER BY key LIMIT :limit"
)
_CONTENTS = text("SELECT digest, entries FROM local_list_content WHERE digest = ANY(:digests)")
_CONTENT = columns_of(local_list_content, "digest", "tenant_id", "entries")
_ADD_CONTENTS = text(
    f"INSERT INTO local_list_content ({names(_CONTENT)}) "
    f"SELECT digest, tenant_id, CAST(entries AS json) FROM {unnest(_CONTENT, 'new')} "
    "ORDER BY digest ON CONFLICT (digest) DO UPDATE SET touched_at = now()"
)
_DROP_CONTENTS = text(
    "DELETE FROM local_list_content WHERE touched_at < now() - interval '1 hour' "
    # Not IN columns of each list: all contents would be compared with all lists.
    "AND digest NOT IN (SELECT held.digest FROM local_list CROSS JOIN LATERAL "
    "(VALUES (known_digest), (sent_digest), (doubtful_digest)) AS held (digest) "
    "WHERE held.digest IS NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tokens of a tenant a station is to know, and how many of them at most."""

    tenant_id: str
    group_ids: tuple[str, ...] | None
    id_tokens: tuple[str, ...] | None
    limit: int


@dataclass(slots=True)
class KeptList:
    """A locked row: its state, and what the station was last wanted to hold."""

    row: Row[Any]
    state: LocalList
    command_id: UUID | None
    wanted_digest: str | None
    wanted_entries: int | None
    left_out: int
    fingerprint: str | None

    @property
    def station(self) -> TenantStation:
        """Whose list it is."""
        return str(self.row.tenant_id), key_without_tenant(self.row.station_id)

    @property
    def selection(self) -> Selection:
        """The selection as the tokens are read by it."""
        groups, tokens = self.row.group_ids, self.row.id_tokens
        return Selection(
            self.row.tenant_id,
            None if groups is None else tuple(groups),
            None if tokens is None else tuple(tokens),
            self.state.entries_max,
        )


async def keep_list(
    connection: AsyncConnection,
    station: TenantStation,
    group_ids: Sequence[str] | None,
    id_tokens: Sequence[str] | None,
    now: datetime,
) -> None:
    """Store that a station's list is kept, with this selection."""
    parameters = {
        "tenant_id": station[0],
        "station_id": key_in_tenant(*station),
        "group_ids": group_ids,
        "id_tokens": id_tokens,
        "now": now,
    }
    await connection.execute(_KEEP, parameters)


async def leave_list(connection: AsyncConnection, station: TenantStation) -> None:
    """Store that a station's list is left alone."""
    await connection.execute(_LEAVE, {"station_id": key_in_tenant(*station)})


async def lock_lists(
    connection: AsyncConnection, stations: Collection[TenantStation]
) -> list[KeptList]:
    """Return the lists of these stations, locked in order."""
    keys = sorted(key_in_tenant(*station) for station in stations)
    rows = await connection.execute(_LOCK, {"stations": keys})
    return [_kept(row) for row in rows]


async def lock_due(connection: AsyncConnection, now: datetime) -> list[KeptList]:
    """Return, locked, a slice of the lists that are to be looked at."""
    rows = await connection.execute(_LOCK_DUE, {"now": now, "limit": DUE_AT_ONCE})
    return [_kept(row) for row in rows]


async def write_lists(connection: AsyncConnection, lists: Iterable[KeptList]) -> None:
    """Write locked lists back."""
    rows = list(lists)
    if not rows:
        return
    columns = {"station_id": [kept.row.station_id for kept in rows]}
    columns |= {name: [getattr(kept, name) for kept in rows] for name in _KEPT}
    columns |= {name: [getattr(kept.state, name) for kept in rows] for name in _STATE}
    await connection.execute(_WRITE, columns)


async def fingerprint_tokens(
    connection: AsyncConnection, selection: Selection, groups: Groups, now: datetime
) -> tuple[str, int]:
    """Return what changes with any token of the selection, and how many tokens do not fit in.

    `groups`: how those of tokens are written, by their keys.
    """
    parameters = _parameters(selection, groups, now)
    row = (await connection.execute(_FINGERPRINT, parameters)).one()
    if row.entries < selection.limit:
        return row.fingerprint, 0
    counted = {name: value for name, value in parameters.items() if name != "limit"}
    selected = (await connection.execute(_COUNT, counted)).scalar_one()
    return row.fingerprint, selected - row.entries


async def read_selected(
    connection: AsyncConnection, selection: Selection, groups: Groups, now: datetime
) -> list[tuple[str, Token]]:
    """Return the selected tokens in the order of their keys, each with its text."""
    rows = await connection.execute(_TOKENS, _parameters(selection, groups, now))
    return [
        (row.id_token, Token(row.key, row.status, row.expires_at, row.group_id, row.max_concurrent))
        for row in rows
    ]


async def read_contents(
    connection: AsyncConnection, digests: Collection[str]
) -> dict[str, Content]:
    """Return what lists with these digests hold."""
    if not digests:
        return {}
    rows = await connection.execute(_CONTENTS, {"digests": sorted(digests)})
    return {row.digest: row.entries for row in rows}


async def add_contents(
    connection: AsyncConnection, contents: Mapping[tuple[str, str], Content]
) -> None:
    """Store what lists hold, each content once; `contents` by tenant and digest."""
    if contents:
        rows = [
            (digest, tenant_id, orjson.dumps(content).decode())
            for (tenant_id, digest), content in contents.items()
        ]
        await connection.execute(_ADD_CONTENTS, arrays(_CONTENT, rows))


async def drop_contents(connection: AsyncConnection) -> None:
    """Delete contents that no list refers to any more."""
    await connection.execute(_DROP_CONTENTS)


def _parameters(selection: Selection, groups: Groups, now: datetime) -> dict[str, Any]:
    chosen = {token_key(name) for name in selection.group_ids or ()}
    return {
        "tenant_id": selection.tenant_id,
        "now": now,
        "every": selection.group_ids is None and selection.id_tokens is None,
        "groups": [written for key in sorted(chosen) for written in groups.get(key, ())],
        "keys": [
            token_key_in_tenant(selection.tenant_id, name) for name in selection.id_tokens or ()
        ],
        "limit": selection.limit,
    }


def _kept(row: Row[Any]) -> KeptList:
    values = {name: getattr(row, name) for name in _STATE}
    values["stage"] = Stage(row.stage)
    values["asked"] = None if row.asked is None else Ask(row.asked)
    return KeptList(
        row,
        LocalList(**values),
        row.command_id,
        row.wanted_digest,
        row.wanted_entries,
        row.left_out,
        row.fingerprint,
    )
