"""Where a request comes from, and by what."""

from starlette.requests import Request

from command_api.http.state import state_of


def client_address(request: Request) -> str:
    """Return the client's address, as trusted proxies tell it; empty where there is none."""
    proxies = state_of(request).trusted_proxies
    return proxies.client(_peer(request), request.headers.getlist("X-Forwarded-For"))


def came_over_https(request: Request) -> bool:
    """Tell whether the client asked over https, as a trusted proxy in front tells it."""
    if request.url.scheme == "https":
        return True
    if not state_of(request).trusted_proxies.trusts(_peer(request)):
        return False
    # Where each proxy adds its own, the first is of the one that the client has met. A client that
    # adds one itself is believed: it deceives nobody else.
    forwarded = ",".join(request.headers.getlist("X-Forwarded-Proto"))
    return forwarded.partition(",")[0].strip().lower() == "https"


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""
