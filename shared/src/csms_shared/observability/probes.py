"""`/healthz`, `/readyz` and `/metrics`, served by every process on a port of its own."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from csms_shared.settings import SettingsProblem

Readiness = Callable[[], Awaitable[dict[str, str]]]
CHECK_TIMEOUT_S = 3.0


class ProbeServer:
    """Serves the probes.

    `readiness` returns what is missing, by name, empty when ready; `warnings` what is wrong and
    makes nobody less ready.
    """

    def __init__(
        self,
        host: str,
        port: int,
        readiness: Readiness,
        warnings: Callable[[], dict[str, str]] = dict,
    ) -> None:
        self._readiness = readiness
        self._warnings = warnings
        app = Starlette(
            routes=[
                Route("/healthz", _healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", _metrics),
            ]
        )
        self._host = host
        self._port = port
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
        )

    async def run(self) -> None:
        """Serve until `stop`.

        Raises:
            PortTaken: somebody else listens there.
        """
        bound = listening_socket(self._host, self._port, "CSMS_PROBE_PORT")
        await self._server._serve(sockets=[bound])

    def stop(self) -> None:
        """Make `run` return."""
        self._server.should_exit = True

    async def _readyz(self, _: Request) -> Response:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                missing = await self._readiness()
        except TimeoutError:
            missing = {"readiness": f"no answer within {CHECK_TIMEOUT_S} s"}
        warnings = self._warnings()
        return JSONResponse(
            {
                "ready": not missing,
                "missing": missing,
                **({"warnings": warnings} if warnings else {}),
            },
            status_code=503 if missing else 200,
        )


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class PortTaken(SettingsProblem, OSError):
    """A port can't be listened on."""


def listening_socket(host: str, port: int, setting: str) -> socket.socket:
    """Return a listening TCP socket on the port that `setting` names.

    Raises:
        PortTaken: it can't be had.
    """
    try:
        return bind_socket(host, port)
    except OSError as error:
        raise PortTaken(f"{setting}: {error.strerror}") from error


def bind_socket(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket.

    Raises:
        OSError: the port is taken; the message names host and port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(4096)
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    bound.setblocking(False)
    return bound
