"""Which tariff holds for a session: one statement for as many as there are."""

# ruff: noqa: S608 - the statement is joined from constants of this module

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, DateTime, Text, text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.tariffs.tables import tariff_version
from csms_shared.contracts.billing import AssignmentTarget
from csms_shared.db.row_arrays import arrays, columns_of, unnest
from csms_shared.db.tenancy import of_tenant
from csms_shared.values.id_tokens import token_key


@dataclass(frozen=True, slots=True)
class ToPrice:
    """What a tariff is chosen by."""

    transaction_id: int
    started_at: datetime
    id_token: str
    group_id: str | None
    station_id: str
    tags: Sequence[str]
    site_id: str | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A version of a tariff, and the assignment that it was found by."""

    tariff_id: UUID
    version: int
    name: str
    tariff: dict[str, Any]
    changed_at: datetime
    assignment_id: UUID | None


def assigned_value(target: AssignmentTarget, value: str | None) -> str:
    """Return what is stored of an assignment's value: '' for the whole tenant.

    Tokens and groups are those of OCPP, which are compared without case.
    """
    if target in (AssignmentTarget.ID_TOKEN, AssignmentTarget.GROUP):
        return token_key(value or "")
    return value or ""


_ASKED = columns_of(
    tariff_version,
    transaction_id=BigInteger(),
    started_at=DateTime(True),
    id_token=Text(),
    group_id=Text(),
    station_id=Text(),
    tags=Text(),
    site_id=Text(),
)
_VERSION = columns_of(tariff_version, "tariff_id", "version")
# The version that holds is the newest of those that began before the session, else the first; one
# that is not for that time (`start_date_time`, `end_date_time`) leaves the session to the next
# assignment. Of assignments with equal rights the newest counts. One that was deleted counts for
# what began while it was there.
_CHOOSE = text(
    "SELECT asked.transaction_id, found.* "
    f"FROM {unnest(_ASKED, 'asked')} CROSS JOIN LATERAL ("
    "SELECT t.assignment_id, t.tariff_id, v.version, v.name, v.tariff, v.changed_at FROM ("
    "VALUES (1, 'id_token', asked.id_token), (2, 'group_id', asked.group_id), "
    "(3, 'station_id', asked.station_id), (5, 'site_id', asked.site_id), (6, 'tenant', '') "
    "UNION ALL SELECT 4, 'tag', json_array_elements_text(CAST(asked.tags AS json))"
    ") AS looked(turn, target, value) "
    "JOIN tariff_assignment AS t ON t.target = looked.target AND t.value = looked.value "
    f"AND {of_tenant('t')} "
    "AND (t.valid_from IS NULL OR t.valid_from <= asked.started_at) "
    "AND (t.valid_to IS NULL OR asked.started_at < t.valid_to) "
    "AND (t.ended_at IS NULL "
    "OR (t.created_at <= asked.started_at AND asked.started_at < t.ended_at)) "
    "CROSS JOIN LATERAL (SELECT * FROM tariff_version WHERE tariff_id = t.tariff_id "
    f"AND {of_tenant('tariff_version')} AND (version = 1 OR changed_at <= asked.started_at) "
    "ORDER BY version DESC LIMIT 1) AS v "
    "WHERE (v.starts_at IS NULL OR v.starts_at <= asked.started_at) "
    "AND (v.ends_at IS NULL OR asked.started_at < v.ends_at) "
    "ORDER BY looked.turn, t.created_at DESC, t.assignment_id DESC LIMIT 1) AS found"
)
_READ = text(
    "SELECT v.tariff_id, v.version, v.name, v.tariff, v.changed_at FROM tariff_version AS v "
    f"JOIN {unnest(_VERSION)} USING (tariff_id, version)"
)


async def choose(
    connection: AsyncConnection, tenant_id: str, sessions: Iterable[ToPrice]
) -> dict[int, Chosen]:
    """Return by which tariff each session of a tenant is priced; none where none is assigned."""
    rows = [
        (
            one.transaction_id,
            one.started_at,
            token_key(one.id_token),
            None if one.group_id is None else token_key(one.group_id),
            one.station_id,
            orjson.dumps([*one.tags]).decode(),
            one.site_id,
        )
        for one in sessions
    ]
    found = await connection.execute(_CHOOSE, {**arrays(_ASKED, rows), "tenant_id": tenant_id})
    return {
        row.transaction_id: Chosen(
            row.tariff_id,
            row.version,
            row.name,
            row.tariff,
            row.changed_at,
            row.assignment_id,
        )
        for row in found
    }


async def versions(
    connection: AsyncConnection, named: Iterable[tuple[UUID, int]]
) -> dict[tuple[UUID, int], Chosen]:
    """Return versions of tariffs, whether they are assigned or not."""
    found = await connection.execute(_READ, arrays(_VERSION, sorted(set(named))))
    return {
        (row.tariff_id, row.version): Chosen(
            row.tariff_id, row.version, row.name, row.tariff, row.changed_at, None
        )
        for row in found
    }
