"""What the routes use, hung on the application once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from command_api.amqp.owner_map import OwnerMap
from command_api.handlers.accounts import Accounts
from command_api.handlers.command_creation import CommandCreation
from command_api.handlers.event_hub import EventHub
from command_api.handlers.idempotent_creation import IdempotentCreation
from command_api.handlers.parked_items import ParkedItems
from command_api.handlers.ports import Services
from command_api.handlers.sessions import Sessions
from command_api.handlers.uploads import Uploads
from command_api.handlers.watched_commands import WatchedCommands
from csms_shared.values.trusted_proxies import TrustedProxies


@dataclass(frozen=True, slots=True)
class ApiState:
    """The use cases behind the routes."""

    engine: AsyncEngine
    sessions: Sessions
    accounts: Accounts
    commands: CommandCreation
    creations: IdempotentCreation
    watched: WatchedCommands
    services: Services
    owners: OwnerMap
    parked: ParkedItems
    uploads: Uploads
    hub: EventHub
    readiness: Callable[[], Awaitable[dict[str, str]]]
    broker_is_up: Callable[[], bool]
    trusted_proxies: TrustedProxies
    pepper: bytes
    min_password_length: int


def state_of(request: Request) -> ApiState:
    """Return the use cases."""
    state: ApiState = request.app.state.api
    return state
