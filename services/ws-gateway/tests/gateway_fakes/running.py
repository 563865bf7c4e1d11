"""A gateway under test, in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from csms_shared.contracts.commands import Command
from csms_shared.runtime.clock import now_ms
from gateway_fakes.claims import PEPPER
from gateway_fakes.services import FakeServices
from gateway_fakes.station import Station
from ws_gateway.process import Gateway
from ws_gateway.settings import GatewaySettings


class RunningGateway:
    """A gateway under test and the services it talks to."""

    def __init__(self, gateway: Gateway, services: FakeServices) -> None:
        self.gateway = gateway
        self.services = services
        self._stop = asyncio.Event()
        self._at_once = asyncio.Event()
        self._run = asyncio.create_task(gateway.run(self._stop, self._at_once))

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.gateway.port}/ocpp"

    def stop(self) -> None:
        """Do what the first signal does."""
        self._stop.set()

    def stop_at_once(self) -> None:
        """Do what the second signal does."""
        self._at_once.set()

    async def ended(self, within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            await self._run

    async def until_ready(self) -> None:
        async with asyncio.timeout(20):
            await self.gateway.started.wait()
            while self.gateway.missing():
                await asyncio.sleep(0.02)

    @property
    def tls_url(self) -> str:
        return f"wss://localhost:{self.gateway.tls_port}/ocpp"

    async def station(self, station_id: str, **options: Any) -> Station:
        options.setdefault("subprotocols", [Subprotocol("ocpp1.6")])
        socket = await connect(f"{self.url}/{station_id}", compression=None, **options)
        return Station(station_id, socket)

    def command(self, station_id: str, command_id: str, action: str, **payload: Any) -> Command:
        return Command(
            command_id=command_id,
            station_id=station_id,
            epoch=self.services.epoch(station_id),
            action=action,
            payload=payload,
            deadline_ms=now_ms() + 30_000,
        )


@contextlib.asynccontextmanager
async def run_gateway(
    broker_url: str, services: FakeServices, **settings: Any
) -> AsyncIterator[RunningGateway]:
    """Run a gateway until the context is left."""
    settings.setdefault("drain_seconds", 0.2)
    gateway = Gateway(
        GatewaySettings(
            broker_url=SecretStr(broker_url),
            probe_port=0,
            gateway_port=0,
            credential_pepper=SecretStr(PEPPER),
            gateway_name="gateway-1",
            **settings,
        )
    )
    under_test = RunningGateway(gateway, services)
    try:
        await under_test.until_ready()
        yield under_test
    finally:
        under_test.stop()
        await under_test.ended()
