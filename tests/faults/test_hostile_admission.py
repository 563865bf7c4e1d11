"""N6: floods, endless messages, made-up ids and TLS hellos beside stations that charge."""

import asyncio
import contextlib
import resource
import secrets
import ssl
from collections.abc import Callable, Coroutine
from urllib.parse import urlsplit

import pytest

from csms_local.nodes.ports import free_port
from csms_simulator.certificates import Authority
from tests.faults.faulty_suite import FaultySuite
from tests.faults.scale import Scale
from tests.faults.scenario import Scenario
from tests.security.raw_socket import PING, TEXT, RawSocket, frame

MADE_UP_FROM = "127.0.0.66"
MIB = 1024 * 1024
AT_ONCE = 250
AUTO_CREATED = 200
# CSMS_UNKNOWN_IDS_AT_ONCE and what is on its way when it is reached; CSMS_UNKNOWN_ID_INTERVAL_...
MADE_UP_AT_ONCE, MADE_UP_PER_S = 100 + 2 * AT_ONCE, 2 / 0.2
PAUSE_S = 0.05

Hostile = Callable[["Party"], Coroutine[None, None, None]]


class Party:
    """One that does what it should not, for `seconds` at a time."""

    def __init__(self, suite: FaultySuite, seconds: float, many: int) -> None:
        run = suite.state()
        assert run.ocpp_tls_url is not None
        self.url, self.tls_url = run.gateways[0].ocpp_url, run.ocpp_tls_url
        self.seconds = seconds
        self.many = many
        self.ids = [f"HOSTILE-{secrets.token_hex(3)}-{number}" for number in range(60)]

    def until(self) -> Callable[[], bool]:
        """Return what tells whether the time is not over."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self.seconds
        return lambda: loop.time() < ends_at


async def _booted(stack: contextlib.AsyncExitStack, url: str, station_id: str) -> RawSocket:
    socket = await stack.enter_async_context(await RawSocket.open(url))
    await socket.connect(station_id)
    await socket.boot()
    return socket


def _flood_of(*frames: bytes) -> Hostile:
    async def flood(party: Party) -> None:
        """Send them without end, by a station that comes back when it is thrown out."""
        lasts = party.until()
        pieces = b"".join(frames) * 200
        for station_id in party.ids:
            async with contextlib.AsyncExitStack() as stack:
                socket = await _booted(stack, party.url, station_id)
                cut = asyncio.create_task(socket.is_cut(party.seconds))
                while lasts() and not cut.done() and not socket.writer.transport.is_closing():
                    if socket.writer.transport.get_write_buffer_size() < MIB:
                        socket.writer.write(pieces)
                    await asyncio.sleep(0)
                cut.cancel()
                await asyncio.wait({cut})
            if not lasts():
                return

    return flood


async def _unfinished_messages(party: Party) -> None:
    """Hold as much as each may hold: messages of which the last byte never comes."""
    lasts = party.until()
    half = b"\x81\xff" + (MIB - 10).to_bytes(8, "big") + bytes(4) + b"x" * (MIB - 100)
    async with contextlib.AsyncExitStack() as stack:
        for station_id in party.ids:
            socket = await _booted(stack, party.url, station_id)
            with contextlib.suppress(OSError, TimeoutError):
                await socket.send(half)
        while lasts():
            await asyncio.sleep(PAUSE_S)


async def _reconnects(party: Party) -> None:
    """One id that connects again as soon as it is connected, or refused."""
    lasts = party.until()
    while lasts():
        async with await RawSocket.open(party.url) as socket:
            await socket.send(socket.upgrade(party.ids[0]))
            await socket.answer()


async def _made_up_ids(party: Party) -> None:
    """One address with a new id each time, many at once."""
    lasts = party.until()

    async def ask() -> None:
        async with await RawSocket.open(party.url, MADE_UP_FROM) as socket:
            await socket.send(socket.upgrade(f"MADE-UP-{secrets.token_hex(8)}"))
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                assert (await socket.answer()).status in (101, 404, 429, 503)

    while lasts():
        await asyncio.gather(*(ask() for _ in range(AT_ONCE)))


async def _tls_hellos(party: Party) -> None:
    """Thousands of handshakes that cost the gateway its signature, and never go on."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="localhost"
    )
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    target = urlsplit(party.tls_url)
    writers: list[asyncio.StreamWriter] = []

    async def ask() -> None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(target.hostname, target.port)
            writer.write(hello)
            writers.append(writer)

    lasts = party.until()
    try:
        for _ in range(0, party.many, AT_ONCE):
            await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
        while lasts():
            await asyncio.sleep(PAUSE_S)
    finally:
        for writer in writers:
            writer.transport.abort()


HOSTILE: dict[str, Hostile] = {
    "a flood of heartbeats": _flood_of(frame(TEXT, b'[2,"1","Heartbeat",{}]')),
    "a flood of pings and garbage": _flood_of(frame(PING, b"x"), frame(TEXT, b"garbage")),
    "messages that never end": _unfinished_messages,
    "a station that reconnects in a loop": _reconnects,
    "an address with made-up ids": _made_up_ids,
    "TLS hellos that never go on": _tls_hellos,
}


AUTHORITY = Authority("Operator")


@pytest.mark.in_subset
async def test_who_floods_or_makes_things_up_costs_nobody_else_anything(
    tmp_path_factory: pytest.TempPathFactory, scale: Scale
) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    home = tmp_path_factory.mktemp("hostile")
    AUTHORITY.server("localhost", "127.0.0.1", kind="rsa").write(home, "rsa")
    env = {
        "CSMS_FSYNC": "off",
        "CSMS_MAX_UNKNOWN_STATIONS": str(AUTO_CREATED),
        "CSMS_TLS_PORT": str(free_port()),
        "CSMS_TLS_RSA_CERTIFICATE": str(home / "rsa.pem"),
        "CSMS_TLS_RSA_KEY": str(home / "rsa.key"),
    }
    async with FaultySuite(home / "suite", env) as suite:
        party = Party(suite, scale.pick(8.0, 60.0), scale.pick(2_000, 10_000))
        url = suite.state().gateways[0].ocpp_url
        async with Scenario("N6", "hostile parties in turn", suite, ocpp_urls=[url]) as scenario:
            scenario.unaffected = scenario.fleet.station_ids
            for station_id in party.ids:
                created = await scenario.operator.http.post(
                    "/stations", json={"station_id": station_id}
                )
                created.raise_for_status()
            for what, hostile in HOSTILE.items():
                await scenario.fleet.progress(4)
                suite.note(what)
                connected = _connections(scenario)
                await hostile(party)
                # Not one station lost its connection to it.
                assert _connections(scenario) == connected, what
                await scenario.recovered()
        assert await _asked_in_vain(suite) <= MADE_UP_AT_ONCE + MADE_UP_PER_S * party.seconds


def _connections(scenario: Scenario) -> int:
    return sum(station.link.connections_made for station in scenario.fleet.stations)


async def _asked_in_vain(suite: FaultySuite) -> float:
    return await suite.metric(
        "station-registry", "csms_claims_total", outcome="too_many_unknown_stations"
    )
