"""One command-api that serves until the test is done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from command_api_fakes import eventually

from command_api.process import command_api
from command_api.settings import CommandApiSettings


@asynccontextmanager
async def served_api(settings: CommandApiSettings) -> AsyncIterator[str]:
    """Run an instance, and yield where its REST is once it is ready."""
    stop = asyncio.Event()
    url = f"http://127.0.0.1:{settings.http_port}"
    async with command_api(settings) as service:
        running = asyncio.create_task(service.run(stop))
        try:
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:

                async def status() -> int:
                    if running.done():
                        running.result()
                    try:
                        return (await client.get("/readyz")).status_code
                    except httpx.TransportError:
                        return 0

                await eventually(status, lambda code: code == 200)
            yield url
        finally:
            stop.set()
            async with asyncio.timeout(20):
                await running
