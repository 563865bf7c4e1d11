"""Where a request comes from."""

from starlette.requests import Request

from command_api.http.state import state_of


def client_address(request: Request) -> str:
    """Return the client's address, as trusted proxies tell it; empty where there is none."""
    peer = request.client.host if request.client else ""
    proxies = state_of(request).trusted_proxies
    return proxies.client(peer, request.headers.getlist("X-Forwarded-For"))
