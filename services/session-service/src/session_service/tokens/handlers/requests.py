"""Id tokens as operators keep them; compared without case, shown as they were written."""

from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.contracts.sessions import (
    ChangeIdToken,
    CreateIdToken,
    IdTokenName,
    IdTokenView,
    ListIdTokens,
    TokenStatus,
)
from csms_shared.db.outbox import write_events
from csms_shared.runtime.clock import utc_now
from csms_shared.values.times import format_time
from session_service.database.service_tables import outbox
from session_service.database.tenants import is_of
from session_service.tokens.handlers.events import id_token_changed
from session_service.tokens.store.pages import page_of_id_tokens
from session_service.tokens.tables import id_token
from session_service.values.keys import token_key_in_tenant

_CHANGEABLE = ("status", "expires_at", "group_id", "max_concurrent")


async def list_id_tokens(connection: AsyncConnection, query: ListIdTokens) -> Page[IdTokenView]:
    """Return a page of id tokens."""
    rows, cursor = await page_of_id_tokens(connection, query)
    return Page(items=[_view(row) for row in rows], next_cursor=cursor)


async def get_id_token(connection: AsyncConnection, name: IdTokenName) -> IdTokenView:
    """Return one id token."""
    statement = select(id_token).where(_is_named(name.tenant_id, name.id_token))
    row = (await connection.execute(statement)).first()
    if row is None:
        raise _not_found(name.id_token)
    return _view(row)


async def create_id_token(connection: AsyncConnection, request: CreateIdToken) -> IdTokenView:
    """Create an id token; 409 where it exists, in whatever case."""
    key = token_key_in_tenant(request.tenant_id, request.id_token)
    if not key:
        raise refuse(
            422, "invalid_request", "an id token can't be blank", ("id_token", "must not be blank")
        )
    row = (
        await connection.execute(
            insert(id_token)
            .values(
                key=key,
                tenant_id=request.tenant_id,
                id_token=request.id_token,
                status=request.status.value,
                expires_at=request.expires_at,
                group_id=request.group_id,
                max_concurrent=request.max_concurrent,
            )
            .on_conflict_do_nothing()
            .returning(id_token)
        )
    ).first()
    if row is None:
        raise refuse(
            409,
            "id_token_exists",
            f"there is an id token {request.id_token} already; case does not count",
            ("id_token", "exists"),
        )
    await _tell(connection, row, "created")
    return _view(row)


async def change_id_token(connection: AsyncConnection, request: ChangeIdToken) -> IdTokenView:
    """Change the fields that the request names."""
    unknown = request.set - set(_CHANGEABLE)
    if unknown:
        raise refuse(
            422,
            "invalid_request",
            "some fields can't be changed",
            *((name, "can't be changed") for name in sorted(unknown)),
        )
    if "status" in request.set and request.status is None:
        raise refuse(422, "invalid_request", "a token has a status", ("status", "must not be null"))
    values: dict[str, Any] = {name: getattr(request, name) for name in request.set}
    if "expires_at" in values:
        values["expires_at"] = request.expires_at
    row = (
        await connection.execute(
            update(id_token)
            .where(_is_named(request.tenant_id, request.id_token))
            .values(**values, version=id_token.c.version + 1, updated_at=func.now())
            .returning(id_token)
        )
    ).first()
    if row is None:
        raise _not_found(request.id_token)
    await _tell(connection, row, "changed")
    return _view(row)


async def delete_id_token(connection: AsyncConnection, name: IdTokenName) -> None:
    """Delete an id token; its transactions stay."""
    row = (
        await connection.execute(
            delete(id_token).where(_is_named(name.tenant_id, name.id_token)).returning(id_token)
        )
    ).first()
    if row is None:
        raise _not_found(name.id_token)
    await _tell(connection, row, "deleted")


def _is_named(tenant_id: str, name: str) -> ColumnElement[bool]:
    key = token_key_in_tenant(tenant_id, name)
    return and_(is_of(id_token, tenant_id), id_token.c.key == key)


async def _tell(connection: AsyncConnection, row: Row[Any], change: str) -> None:
    data = _view(row).model_dump(mode="json") | {"change": change}
    version = row.version + 1 if change == "deleted" else row.version
    event = id_token_changed(row.tenant_id, row.key, version, row.created_at, data)
    await write_events(connection, outbox, [event])


def _view(row: Row[Any]) -> IdTokenView:
    status = TokenStatus(row.status)
    if (
        status is TokenStatus.ACCEPTED
        and row.expires_at is not None
        and row.expires_at <= utc_now()
    ):
        status = TokenStatus.EXPIRED
    return IdTokenView(
        id_token=row.id_token,
        type=row.type,
        status=status,
        expires_at=None if row.expires_at is None else format_time(row.expires_at),
        group_id=row.group_id,
        max_concurrent=row.max_concurrent,
        created_at=format_time(row.created_at),
        updated_at=format_time(row.updated_at),
    )


def _not_found(name: str) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no id token {name}")
