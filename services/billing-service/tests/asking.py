"""Asks the handlers of tariffs as requests do: for a tenant, each in a transaction of its own."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from billing_service.amqp.requests import tariff_handlers
from csms_shared.contracts.billing import BILLING_OPERATIONS
from csms_shared.db.tenancy import acting_for

Document = dict[str, Any]
ENERGY = {"type": "ENERGY", "price": 0.45, "vat": 19, "step_size": 1}
TARIFF: Document = {"currency": "EUR", "elements": [{"price_components": [ENERGY]}]}


class Asking:
    """One tenant's questions."""

    def __init__(self, engine: AsyncEngine, tenant_id: str = "default") -> None:
        self._engine = engine
        self._handlers = tariff_handlers(engine)
        self.tenant_id = tenant_id

    def of(self, tenant_id: str) -> "Asking":
        """Return the same for another tenant."""
        return Asking(self._engine, tenant_id)

    async def __call__(self, operation: str, **parameters: Any) -> Any:
        """Return the result as it goes out."""
        asked = BILLING_OPERATIONS[operation].model_validate(
            {**parameters, "tenant_id": self.tenant_id}
        )
        with acting_for(self.tenant_id):
            result = await self._handlers[operation](asked)
        return None if result is None else result.model_dump(mode="json")

    async def create(self, tariff: Document | None = None, **fields: Any) -> Document:
        """Make a tariff."""
        wanted = {"tariff_id": uuid4(), "name": "Harbour", "created_by": "ada", **fields}
        made: Document = await self("tariffs.create", tariff=tariff or TARIFF, **wanted)
        return made

    async def assign(
        self, tariff_id: str, target: str = "tenant", value: str | None = None, **fields: Any
    ) -> Document:
        """Assign a tariff."""
        wanted = {"assignment_id": uuid4(), "created_by": "ada", **fields}
        made: Document = await self(
            "tariff_assignments.create",
            tariff_id=UUID(tariff_id),
            target=target,
            value=value,
            **wanted,
        )
        return made

    async def all(self, operation: str, limit: int = 2, **query: Any) -> list[Document]:
        """Return the items of all pages."""
        items: list[Document] = []
        cursor = None
        while True:
            page = await self(operation, limit=limit, cursor=cursor, **query)
            assert len(page["items"]) <= limit
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items
