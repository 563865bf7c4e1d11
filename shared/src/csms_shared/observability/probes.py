"""`/healthz`, `/readyz` and `/metrics`, served by every process on a port of its own."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, disable_created_metrics, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from csms_shared.runtime.settings import SettingsProblem

Readiness = Callable[[], Awaitable[dict[str, str]]]
CHECK_TIMEOUT_S = 3.0
# Whoever does not read the answer keeps no process from ending.
_LAST_ANSWERS_S = 2
_BACKLOG = 4096
# A second series for each one, for when it began: the process's own start says as much.
disable_created_metrics()  # type: ignore[no-untyped-call]


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
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=_LAST_ANSWERS_S,
            )
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
    bound = bound_socket(host, port, setting)
    listen(bound, setting)
    return bound


def bound_socket(host: str, port: int, setting: str) -> socket.socket:
    """Return a TCP socket that has the port that `setting` names and does not listen yet.

    Raises:
        PortTaken: somebody listens there, or it can't be had at all.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise _taken(setting, f"{host}:{port}", error) from error
    bound.setblocking(False)
    return bound


def listen(bound: socket.socket, setting: str) -> None:
    """Let a bound socket listen, and close it where it can't.

    Raises:
        PortTaken: somebody else who had bound the port too listens there by now.
    """
    host, port = bound.getsockname()[:2]
    try:
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _taken(setting, f"{host}:{port}", error) from error


def _taken(setting: str, address: str, error: OSError) -> PortTaken:
    return PortTaken(f"{setting}: cannot listen on {address}: {error.strerror}")
