"""The service's requests without a broker."""

from typing import Any

from csms_shared.contracts.requests import RequestItem
from csms_shared.contracts.scopes import Scope
from csms_shared.service.requests_inbox import RequestsInbox
from csms_shared.values.tenants import DEFAULT_TENANT


class Asker:
    """Asks the inbox as a delivery would, without the broker in between."""

    def __init__(
        self, inbox: RequestsInbox, tenant_id: str = DEFAULT_TENANT, scope: Scope | None = None
    ) -> None:
        self._inbox = inbox
        self._tenant_id = tenant_id
        self._scope = scope

    def of(self, tenant_id: str) -> "Asker":
        """Return what asks for this tenant."""
        return Asker(self._inbox, tenant_id)

    def within(self, scope: Scope) -> "Asker":
        """Return what asks for those who are limited to this scope."""
        return Asker(self._inbox, self._tenant_id, scope)

    async def __call__(self, operation: str, **parameters: Any) -> Any:
        """Return the result, or the problem as (status, code, fields)."""
        item = RequestItem(
            operation=operation,
            parameters=parameters,
            tenant_id=self._tenant_id,
            scope=self._scope,
        )
        response = await self._inbox.respond(item)
        problem = response["problem"]
        if problem is None:
            return response["result"]
        return problem["status"], problem["code"], [error["field"] for error in problem["errors"]]
