"""Lists that are read newest first, a page at a time."""

# ruff: noqa: S608 - statements are put together from literals; every value is a parameter

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.pages import Page, PageQuery
from csms_shared.db.cursors import Kind, as_moment, decode_cursor, encode_cursor
from csms_shared.db.tenancy import of_tenant
from station_registry.database.sql import statement

View = TypeVar("View", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class NewestFirst:
    """A tenant's rows by the time in one column, and by the id in another where times are the same.

    `filters`: the condition that each parameter of a query stands for. A cursor's id is read as
    `id_kind` and is of `id_type` in SQL.
    """

    table: str
    time: str
    id: str
    id_kind: Kind
    id_type: str
    filters: Mapping[str, str]

    async def page(
        self, connection: AsyncConnection, query: PageQuery, view: Callable[[Row[Any]], View]
    ) -> Page[View]:
        """Return the page that a query asks for.

        Raises:
            BadCursor: the cursor was not given by this list.
        """
        parameters = query.model_dump(exclude_none=True, exclude={"cursor"})
        conditions = [
            of_tenant(),
            *(sql for name, sql in self.filters.items() if name in parameters),
        ]
        if query.cursor is not None:
            key = decode_cursor(query.cursor, as_moment, self.id_kind)
            parameters["cursor_time"], parameters["cursor_id"] = key
            at_cursor = f"(:cursor_time, CAST(:cursor_id AS {self.id_type}))"
            conditions.append(f"({self.time}, {self.id}) < {at_cursor}")
        sql = (
            f"SELECT * FROM {self.table} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {self.time} DESC, {self.id} DESC LIMIT :limit"
        )
        parameters["limit"] = query.limit + 1
        rows = (await connection.execute(statement(sql), parameters)).all()
        shown = rows[: query.limit]
        more = len(rows) > query.limit
        return Page(
            items=[view(row) for row in shown],
            next_cursor=encode_cursor(*(shown[-1]._mapping[name] for name in (self.time, self.id)))
            if more
            else None,
        )
