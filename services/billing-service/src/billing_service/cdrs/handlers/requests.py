"""What is asked about charge detail records."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.cdrs.store.pages import page_of_records, record_of
from csms_shared.contracts.billing import Cdr, CdrName, CdrPage, ListCdrs
from csms_shared.contracts.refusals import refuse


async def list_cdrs(connection: AsyncConnection, asked: ListCdrs) -> CdrPage:
    """Return a page of records: all after a number, without a gap."""
    rows, more = await page_of_records(connection, asked)
    return CdrPage(
        items=[_shown(row) for row in rows], next_cursor=rows[-1].position if more else None
    )


async def get_cdr(connection: AsyncConnection, asked: CdrName) -> Cdr:
    """Return a record.

    Raises:
        ProblemRaised: there is none.
    """
    row = await record_of(connection, asked.tenant_id, asked.cdr_id)
    if row is None:
        raise refuse(404, "not_found", f"there is no charge detail record {asked.cdr_id}")
    return _shown(row)


def _shown(row: Row[Any]) -> Cdr:
    return Cdr(position=row.position, cdr=row.document, missing=list(row.missing))
