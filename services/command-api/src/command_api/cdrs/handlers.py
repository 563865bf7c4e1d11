"""Reads charge detail records of billing-service, page after page."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import structlog
from pydantic import ValidationError

from command_api.cdrs.domain import header, lines
from command_api.ports import ServiceAway, Services
from csms_shared.broker.topology import BILLING_SERVICE
from csms_shared.contracts.billing import CdrPage
from csms_shared.contracts.pages import PAGE_MAX

log = structlog.get_logger(__name__)

_ATTEMPTS = 5
_PAUSE_S = 1.0


async def cdr_page(services: Services, where: dict[str, Any]) -> CdrPage:
    """Return a page of records, in the order of positions.

    Raises:
        ProblemRaised: it is refused.
        ServiceAway: billing-service does not answer.
    """
    answer = await services.ask(BILLING_SERVICE, "cdrs.list", where)
    try:
        return CdrPage.model_validate(answer)
    except ValidationError as error:
        raise ServiceAway("billing-service answers with no page of records") from error


async def csv_of(services: Services, where: dict[str, Any], first: CdrPage) -> AsyncIterator[str]:
    """Yield all records as CSV; `first` is their first page.

    Raises:
        ServiceAway: billing-service does not answer, also when it is asked again. What has been
            yielded then is not all, and must not look so.
    """
    yield header()
    page = first
    while True:
        yield lines(page.items)
        if page.next_cursor is None:
            return
        page = await _again(services, {**where, "after": page.next_cursor})


async def _again(services: Services, where: dict[str, Any]) -> CdrPage:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await cdr_page(services, {**where, "limit": PAGE_MAX})
        except ServiceAway as error:
            log.warning("cdrs_asked_again", attempt=attempt, error=str(error)[:200])
            if attempt == _ATTEMPTS:
                raise
            await asyncio.sleep(_PAUSE_S)
    raise AssertionError("the last attempt returns or raises")
