"""Statements of requests name their tenant, as the database does for them (ADR 0037)."""

from sqlalchemy import ColumnElement, Table


def is_of(table: Table, tenant_id: str) -> ColumnElement[bool]:
    """Return the condition that a row of `table` is of this tenant, as `of_tenant` does in text."""
    return table.c.tenant_id == tenant_id
