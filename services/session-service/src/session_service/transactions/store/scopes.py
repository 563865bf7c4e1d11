"""Transactions that began within a scope: at one of its sites, or with one of its tags."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, exists, func, or_, select, true, union
from sqlalchemy.dialects.postgresql import ARRAY

from csms_shared.contracts.requests import WithinScope
from session_service.database.tenants import is_of
from session_service.transactions.tables import transaction, transaction_tag

Order = tuple[ColumnElement[Any], ColumnElement[Any]]
# From a column's value and the order of what is listed to the ids of the newest that have it.
Newest = Callable[[ColumnElement[bool], Order], Select[Any]]


def began_within(asked: WithinScope) -> list[ColumnElement[bool]]:
    """Return the condition that a transaction began within the scope; none without a scope."""
    if asked.scope is None:
        return []
    has_tag = exists().where(
        is_of(transaction_tag, asked.tenant_id),
        transaction_tag.c.transaction_id == transaction.c.id,
        transaction_tag.c.tag == func.any(list(asked.scope.tags)),
    )
    at_site = transaction.c.site_id == func.any(list(asked.scope.site_ids))
    return [or_(at_site, has_tag)]


def newest_within(asked: WithinScope, newest: Newest) -> ColumnElement[bool]:
    """Return the condition that a transaction is among the newest of the scope.

    Of each site and each tag by itself, by the index that is in the order of the list: its cost
    follows the page, and not what else the tenant has.
    """
    assert asked.scope is not None
    sites, tags = _each(asked.scope.site_ids), _each(asked.scope.tags)
    tagged = transaction_tag.alias("of_scope")
    table = transaction.c
    at_site = newest(table.site_id == sites.c.name, (table.started_at, table.id)).lateral()
    with_tag = (
        newest(tagged.c.tag == tags.c.name, (tagged.c.started_at, tagged.c.transaction_id))
        .where(tagged.c.tenant_id == asked.tenant_id, tagged.c.transaction_id == table.id)
        .lateral()
    )
    return table.id.in_(
        union(
            select(at_site.c.id).select_from(sites.join(at_site, true())),
            select(with_tag.c.id).select_from(tags.join(with_tag, true())),
        )
    )


def _each(names: Sequence[str]) -> Any:
    return func.unnest(cast(list(names), ARRAY(Text))).table_valued("name").render_derived()
