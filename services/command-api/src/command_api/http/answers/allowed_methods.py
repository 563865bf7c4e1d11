"""Which methods a path has, over all routes: the `Allow` of a 405 (RFC 9110, 10.2.1)."""

from starlette.requests import Request
from starlette.routing import Match

# By what each is routed.
_METHODS = {
    "GET": "GET",
    "HEAD": "GET",
    "POST": "POST",
    "PUT": "PUT",
    "PATCH": "PATCH",
    "DELETE": "DELETE",
}


def allowed_methods(request: Request) -> str:
    """Return the methods of this path; the framework's own answer knows its first route alone."""
    scope = {"type": "http", "path": request.scope["path"]}
    routes = request.app.router.routes
    return ", ".join(
        method
        for method, routed in _METHODS.items()
        if any(route.matches({**scope, "method": routed})[0] is Match.FULL for route in routes)
    )
