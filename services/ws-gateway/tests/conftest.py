"""What the tests share: a gateway on a real broker, the other services played by a fake."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

# Test files are imported one by one: what they share has to be on the path.
sys.path.insert(0, str(Path(__file__).parent))

from gateway_fakes.broker_proxy import BrokerProxy
from gateway_fakes.running import RunningGateway, run_gateway
from gateway_fakes.services import FakeServices


@pytest.fixture
async def services(broker_url: str) -> AsyncIterator[FakeServices]:
    fake = FakeServices(broker_url)
    async with asyncio.TaskGroup() as group:
        tasks = await fake.start(group)
        yield fake
        fake.claims_answered.set()
        fake.calls_answered.set()
        for task in tasks:
            task.cancel()
    await fake.close()


@pytest.fixture
async def running(broker_url: str, services: FakeServices) -> AsyncIterator[RunningGateway]:
    async with run_gateway(broker_url, services) as under_test:
        yield under_test


@pytest.fixture
async def proxy(broker_url: str) -> AsyncIterator[BrokerProxy]:
    proxy = BrokerProxy(broker_url)
    server = await proxy.start()
    yield proxy
    proxy.mend()
    proxy.cut()
    server.close()


@pytest.fixture
async def behind_proxy(proxy: BrokerProxy, services: FakeServices) -> AsyncIterator[RunningGateway]:
    async with run_gateway(proxy.url, services) as under_test:
        yield under_test
        proxy.mend()
