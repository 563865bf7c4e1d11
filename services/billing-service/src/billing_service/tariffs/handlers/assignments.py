"""Requests on what tariffs are assigned to."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from billing_service.tariffs.handlers.tariffs import no_tariff
from billing_service.tariffs.store import assignments as store
from billing_service.tariffs.store import tariffs
from billing_service.tariffs.store.choosing import assigned_value
from billing_service.tariffs.store.tariffs import TariffNames
from csms_shared.contracts.billing import (
    AssignmentName,
    AssignmentTarget,
    AssignmentView,
    CreateAssignment,
)
from csms_shared.contracts.refusals import ProblemRaised, refuse


async def get_assignment(connection: AsyncConnection, asked: AssignmentName) -> AssignmentView:
    """Return an assignment.

    Raises:
        ProblemRaised: the tenant has none of that id.
    """
    found = await store.get(connection, asked.tenant_id, asked.assignment_id)
    if found is None:
        raise _no_assignment(asked.assignment_id)
    return found


async def create_assignment(connection: AsyncConnection, asked: CreateAssignment) -> AssignmentView:
    """Store an assignment; asked again, it is the same one.

    Raises:
        ProblemRaised: it names nothing, would never hold, or the tenant has no such tariff.
    """
    _check(asked)
    known = await store.get(connection, asked.tenant_id, asked.assignment_id)
    if known is not None:
        return known
    named = TariffNames(asked.tenant_id, asked.tariff_id)
    # Who deletes it waits, and finds it assigned.
    if not await tariffs.lock(connection, named):
        raise no_tariff(named)
    await store.add(connection, asked)
    return await get_assignment(
        connection, AssignmentName(tenant_id=asked.tenant_id, assignment_id=asked.assignment_id)
    )


async def delete_assignment(connection: AsyncConnection, asked: AssignmentName) -> None:
    """Delete an assignment.

    Raises:
        ProblemRaised: the tenant has none of that id.
    """
    if not await store.delete(connection, asked.tenant_id, asked.assignment_id):
        raise _no_assignment(asked.assignment_id)


def _check(asked: CreateAssignment) -> None:
    of_all = asked.target is AssignmentTarget.TENANT
    if of_all and asked.value is not None:
        raise _invalid("value", "the whole tenant has none")
    if not of_all and not assigned_value(asked.target, asked.value):
        # A token is compared without the blanks around it: nothing may be left of it.
        raise _invalid(asked.target.value, "must not be empty")
    if asked.valid_from and asked.valid_to and asked.valid_to <= asked.valid_from:
        raise _invalid("valid_to", "must be after valid_from: it would never hold")


def _invalid(field: str, message: str) -> ProblemRaised:
    return refuse(422, "validation_failed", f"{field} {message}", (field, message))


def _no_assignment(assignment_id: UUID) -> ProblemRaised:
    return refuse(404, "not_found", f"there is no assignment {assignment_id}")
