"""The HTTP server: uvicorn with bounds of our own."""

import uvicorn
from starlette.types import ASGIApp

from command_api.http.access.connection_limits import BoundedProtocol
from command_api.http.access.request_limit import MAX_REQUESTS
from csms_shared.observability.probes import listening_socket

GRACE_S = 5
_KEEP_ALIVE_S = 75
# Above the limit of requests, whose answer is a problem; this one's is bare.
_MAX_CONNECTIONS = 2 * MAX_REQUESTS


class RestServer:
    """Serves the application until it is stopped."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                # Who asks is who connects: a header could name anybody.
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
                limit_concurrency=_MAX_CONNECTIONS,
                server_header=False,
            )
        )

    async def run(self) -> None:
        """Serve until `stop`; requests under way get `GRACE_S` to end.

        Raises:
            PortTaken: somebody else listens there.
        """
        bound = listening_socket(self._host, self._port, "CSMS_HTTP_PORT")
        # uvicorn's public serve() takes the signals of the process, which main has.
        await self._server._serve(sockets=[bound])

    def stop(self) -> None:
        """Accept nothing more, and make `run` return."""
        self._server.should_exit = True
