"""Many stations at once: connecting them before a load, and what all of them were answered."""

import asyncio
import functools
import ssl
from collections.abc import Sequence
from typing import Any

from picows.common import WSHandshakeError

from bench.driver.plan import Plan
from bench.driver.station import DriverStation, Tally

ATTEMPT_INTERVAL = 0.5
CONNECTS_AT_ONCE = 50
CONNECT_DEADLINE = 180.0

Result = dict[str, Any]


@functools.cache
def tls_of(authority: str) -> ssl.SSLContext | None:
    """Return what stations connect by; None where they come without TLS."""
    return ssl.create_default_context(cafile=authority) if authority else None


async def connect_all(stations: Sequence[DriverStation], plan: Plan) -> None:
    """Connect and boot every station before a measurement, as patiently as stations are."""
    places = asyncio.Semaphore(CONNECTS_AT_ONCE)

    async def connect(station: DriverStation, url: str) -> None:
        async with places:
            while True:
                try:
                    await station.connect(url, plan.password, tls_of(plan.authority))
                    await station.boot()
                except (WSHandshakeError, OSError):  # a TimeoutError is one of these
                    await station.abandon()
                    await asyncio.sleep(ATTEMPT_INTERVAL)
                else:
                    return

    async with asyncio.timeout(CONNECT_DEADLINE):
        await asyncio.gather(
            *(connect(station, plan.url_of(number)) for number, station in enumerate(stations))
        )


def close_all(stations: Sequence[DriverStation]) -> None:
    """End every connection on purpose."""
    for station in stations:
        station.close()


def counts(tally: Tally) -> Result:
    """Return what was answered by action, and what went wrong."""
    return {"answered": dict(tally.answered), "problems": dict(tally.problems)}
