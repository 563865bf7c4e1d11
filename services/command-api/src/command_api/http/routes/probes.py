"""`/healthz` and `/readyz` on the REST port, for balancers that see no other."""

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from command_api.http.answers.documents import Json
from command_api.http.state import state_of

_CHECK_TIMEOUT_S = 3.0


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _readyz(request: Request) -> Response:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            missing = await state_of(request).readiness()
    except TimeoutError:
        missing = {"readiness": f"no answer within {_CHECK_TIMEOUT_S} s"}
    return Json({"ready": not missing, "missing": missing}, 503 if missing else 200)


def probe_routes() -> list[Route]:
    """Return the two routes."""
    return [
        Route("/healthz", _healthz, include_in_schema=False),
        Route("/readyz", _readyz, include_in_schema=False),
    ]
