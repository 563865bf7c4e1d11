"""The use cases behind the routes, kept on the application; the services that routes ask."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from command_api.accounts.handlers.accounts import Accounts
from command_api.accounts.handlers.logins import Logins
from command_api.accounts.handlers.sessions import Sessions
from command_api.amqp.owner_map import OwnerMap
from command_api.command_groups.handlers import CommandGroups
from command_api.commands.domain.preparation import CommandEdge
from command_api.commands.handlers.cancelling import Cancelling
from command_api.commands.handlers.creation import CommandCreation
from command_api.commands.handlers.watched import WatchedCommands
from command_api.costs.handlers import CostsOfPages
from command_api.idempotency.handlers import IdempotentCreation
from command_api.live_events.handlers.hub import EventHub
from command_api.live_events.handlers.stored_events import StoredEvents
from command_api.overview.handlers import Overviews
from command_api.parked.handlers import ParkedItems
from command_api.ports import ServiceOlder, Services
from command_api.system.handlers import SuiteState
from command_api.tenants.handlers import Tenants
from command_api.uploads.handlers import Uploads
from csms_shared.broker.topology import (
    BILLING_SERVICE,
    INTEGRATION_SERVICE,
    SESSION_SERVICE,
    STATION_REGISTRY,
)
from csms_shared.values.trusted_proxies import TrustedProxies


@dataclass(frozen=True, slots=True)
class ApiState:
    """The use cases behind the routes."""

    # Of the tenant that a request acts for, and nothing of any other.
    engine: AsyncEngine
    tenants: Tenants
    logins: Logins
    accounts: Accounts
    sessions: Sessions
    commands: CommandCreation
    cancelling: Cancelling
    groups: CommandGroups
    edge: CommandEdge
    creations: IdempotentCreation
    watched: WatchedCommands
    services: Services
    costs: CostsOfPages
    owners: OwnerMap
    parked: ParkedItems
    uploads: Uploads
    overviews: Overviews
    suite: SuiteState
    hub: EventHub
    stored_events: StoredEvents
    readiness: Callable[[], Awaitable[dict[str, str]]]
    broker_is_up: Callable[[], bool]
    trusted_proxies: TrustedProxies
    pepper: bytes
    min_password_length: int
    # What operators are told of: the limit, and a sentence.
    limit_reached: Callable[[str, str], None]


def state_of(request: Request) -> ApiState:
    """Return the use cases."""
    state: ApiState = request.app.state.api
    return state


async def ask_registry(request: Request, operation: str, parameters: dict[str, Any]) -> Any:
    """Return what station-registry answers.

    Raises:
        ProblemRaised: it refuses.
        ServiceAway: it does not answer, or failed.
    """
    return await state_of(request).services.ask(STATION_REGISTRY, operation, parameters)


async def ask_session_service(request: Request, operation: str, parameters: dict[str, Any]) -> Any:
    """Return what session-service answers.

    Raises:
        ProblemRaised: it refuses.
        ServiceAway: it does not answer, or failed.
    """
    return await state_of(request).services.ask(SESSION_SERVICE, operation, parameters)


async def ask_integration_service(
    request: Request, operation: str, parameters: dict[str, Any]
) -> Any:
    """Return what integration-service answers.

    Raises:
        ProblemRaised: it refuses.
        ServiceAway: it does not answer, or failed.
    """
    return await state_of(request).services.ask(INTEGRATION_SERVICE, operation, parameters)


async def ask_billing_service(request: Request, operation: str, parameters: dict[str, Any]) -> Any:
    """Return what billing-service answers.

    Raises:
        ProblemRaised: it refuses.
        ServiceAway: it does not answer, or failed.
    """
    return await state_of(request).services.ask(BILLING_SERVICE, operation, parameters)


def require_taken(answer: Mapping[str, Any], given: Iterable[str]) -> None:
    """Look whether a resource that was written shows all that was given.

    A service of the release before passes over fields that it does not know: they are not stored.

    Raises:
        ServiceOlder: it does not show one.
    """
    missing = sorted(set(given) - answer.keys())
    if missing:
        raise ServiceOlder(
            f"a service of another release has stored it without {', '.join(missing)}: "
            "give that once more when the upgrade has ended"
        )
