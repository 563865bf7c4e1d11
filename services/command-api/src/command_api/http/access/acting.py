"""No request begins with the tenant, or the scope, of the one before on its connection."""

from starlette.types import ASGIApp, Receive, Scope, Send

from command_api.scopes.domain import limited_to
from csms_shared.db.tenancy import acting_for


class ActsForNobody:
    """Middleware: until it is known who asks, a request sees no tenant's rows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, acting for nobody yet."""
        with acting_for(""), limited_to(None):
            await self._app(scope, receive, send)
