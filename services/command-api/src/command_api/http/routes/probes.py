"""`/healthz` and `/readyz` on the REST port, for balancers that see no other."""

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from command_api.http.access.declarations import Open, PlainRoute
from command_api.http.answers.documents import Json
from command_api.http.state import state_of

_CHECK_TIMEOUT_S = 3.0
_OPEN = Open("balancers have no credentials; the answers say what is missing, and nothing else")


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _readyz(request: Request) -> Response:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            missing = await state_of(request).readiness()
    except TimeoutError:
        missing = {"readiness": f"no answer within {_CHECK_TIMEOUT_S} s"}
    return Json({"ready": not missing, "missing": missing}, 503 if missing else 200)


def probe_routes() -> list[PlainRoute]:
    """Return the two routes."""
    return [
        PlainRoute("/healthz", _healthz, _OPEN),
        PlainRoute("/readyz", _readyz, _OPEN),
    ]
