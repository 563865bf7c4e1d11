"""Serve the baseline: `python -m bench.baseline OCPP_PORT HTTP_PORT` with BASELINE_DATABASE_URL."""

import asyncio
import hashlib
import hmac
import os
import resource
import sys
from base64 import b64decode
from urllib.parse import unquote

import asyncpg
import uvicorn
from ocpp.v16 import call
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HandshakeRequest
from websockets.http11 import Response as HandshakeResponse
from websockets.typing import Subprotocol

from bench.baseline.central_system import Station

POOL = 20


async def run(ocpp_port: int, http_port: int, database_url: str) -> None:
    """Serve stations and commands until the process is ended."""
    stations: dict[str, Station] = {}

    async def on_station(connection: ServerConnection) -> None:
        assert connection.request is not None
        station_id = unquote(connection.request.path.rsplit("/", 1)[-1])
        station = stations[station_id] = Station(station_id, connection, pool)
        try:
            await station.start()
        except ConnectionClosed:
            stations.pop(station_id, None)

    async def check_password(
        connection: ServerConnection, request: HandshakeRequest
    ) -> HandshakeResponse | None:
        station_id = unquote(request.path.rsplit("/", 1)[-1])
        wanted = await pool.fetchval(
            "SELECT password_sha256 FROM credential WHERE station_id = $1", station_id
        )
        if wanted is None:
            return None
        given = b64decode(request.headers.get("Authorization", "").removeprefix("Basic "))
        password = given.partition(b":")[2]
        if hmac.compare_digest(hashlib.sha256(password).digest(), wanted):
            return None
        return connection.respond(401, "wrong password")

    async def on_command(request: Request) -> JSONResponse:
        station = stations.get(request.path_params["station_id"])
        if station is None:
            return JSONResponse({"status": "station_offline"}, 404)
        body = await request.json()
        message = call.RemoteStartTransaction(
            id_tag=body["idTag"], connector_id=body.get("connectorId")
        )
        answer = await station.call(message)
        return JSONResponse({"status": "completed", "response": {"status": answer.status}})

    routes = [
        Route(
            "/api/v1/stations/{station_id}/commands/RemoteStartTransaction",
            on_command,
            methods=["POST"],
        )
    ]
    http = uvicorn.Server(
        uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=http_port, log_level="warning"
        )
    )
    async with (
        asyncpg.create_pool(database_url, min_size=POOL, max_size=POOL) as pool,
        serve(
            on_station,
            "127.0.0.1",
            ocpp_port,
            subprotocols=[Subprotocol("ocpp1.6")],
            process_request=check_password,
        ),
    ):
        print("ready", flush=True)
        await http.serve()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), os.environ["BASELINE_DATABASE_URL"]))
