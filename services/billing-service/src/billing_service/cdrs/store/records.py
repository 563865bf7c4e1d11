"""Rows of charge detail records, and the numbers that they get."""

# ruff: noqa: S608 - the statements are joined from constants of this module

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, text
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.cdrs.domain.document import RecordOf, cdr_document
from billing_service.cdrs.tables import cdr, cdr_head
from csms_shared.db.row_arrays import arrays, columns_of, names, unnest


@dataclass(frozen=True, slots=True)
class Numbered:
    """A record and its number."""

    cdr_id: UUID
    position: int


_HEAD = columns_of(cdr_head, "tenant_id", count=BigInteger())
# Whoever has this row, has it until the commit: numbers are given in the order in which they become
# visible, and those of a transaction that is undone are given again.
_TAKE_NUMBERS = text(
    "INSERT INTO cdr_head AS head (tenant_id, position) "
    f"SELECT tenant_id, count FROM {unnest(_HEAD)} ORDER BY tenant_id "
    "ON CONFLICT (tenant_id) DO UPDATE SET position = head.position + excluded.position "
    "RETURNING head.tenant_id, head.position, clock_timestamp() AS now"
)
_ROW = columns_of(
    cdr, "tenant_id", "position", "cdr_id", "bill_id", "document", "missing", "created_at"
)
_ADD = text(
    f"INSERT INTO cdr ({names(_ROW)}) SELECT tenant_id, position, cdr_id, bill_id, "
    "CAST(document AS jsonb), ARRAY(SELECT json_array_elements_text(CAST(missing AS json))), "
    f"created_at FROM {unnest(_ROW)}"
)


async def add_records(
    connection: AsyncConnection, records: Sequence[tuple[str, RecordOf]]
) -> dict[UUID, Numbered]:
    """Write up bills and credits, given with their tenants; return each record by its bill."""
    if not records:
        return {}
    of_tenants: dict[str, list[RecordOf]] = defaultdict(list)
    for tenant_id, record in records:
        of_tenants[tenant_id].append(record)
    counts = [(tenant_id, len(those)) for tenant_id, those in of_tenants.items()]
    heads = await connection.execute(_TAKE_NUMBERS, arrays(_HEAD, counts))
    rows = []
    numbered: dict[UUID, Numbered] = {}
    for head in heads:
        those = of_tenants[head.tenant_id]
        for position, record in enumerate(those, head.position - len(those) + 1):
            document, missing = cdr_document(record, head.now)
            one = Numbered(record.bill_id, position)
            numbered[record.bill_id] = one
            rows.append(
                (
                    head.tenant_id,
                    position,
                    one.cdr_id,
                    record.bill_id,
                    orjson.dumps(document).decode(),
                    orjson.dumps(missing).decode(),
                    head.now,
                )
            )
    await connection.execute(_ADD, arrays(_ROW, rows))
    return numbered
