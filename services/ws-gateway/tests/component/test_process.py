"""The command itself: settings, an inherited socket, SIGTERM."""

import asyncio
import json
import os
import resource
import socket
import sys
from pathlib import Path

import pytest
from gateway_fakes.services import FakeServices
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

PROGRAM = str(Path(sys.executable).parent / "ws-gateway")
HEARTBEAT = '[2,"1","Heartbeat",{}]'


def _environment(**settings: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CSMS_")}
    return {**kept, **{f"CSMS_{name.upper()}": text for name, text in settings.items()}}


async def test_a_missing_setting_is_named() -> None:
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "serve", env=_environment(), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(120):
        _, printed = await process.communicate()
    assert process.returncode == 2
    for name in (b"CSMS_BROKER_URL", b"CSMS_PROBE_PORT", b"CSMS_CREDENTIAL_PEPPER"):
        assert name in printed


@pytest.mark.parametrize("taken", ["gateway_port", "probe_port"])
async def test_a_taken_port_is_named(services: FakeServices, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ports = {"gateway_port": "0", "probe_port": "0"}
        ports[taken] = str(listening.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "serve",
            env=_environment(
                broker_url=services.broker_url,
                credential_pepper="a pepper for the tests",
                **ports,
            ),
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(120):
            _, printed = await process.communicate()
        assert process.returncode == 2
        assert f"CSMS_{taken.upper()}".encode() in printed
        assert b"Traceback" not in printed


async def test_stations_are_served_on_an_inherited_socket_until_sigterm(
    services: FakeServices,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "serve",
            env=_environment(
                broker_url=services.broker_url,
                probe_port="0",
                gateway_port="0",
                ocpp_listen_fd=str(listening.fileno()),
                credential_pepper="a pepper for the tests",
                drain_seconds="0",
            ),
            pass_fds=[listening.fileno()],
        )
        try:
            async with asyncio.timeout(120):
                answer = await _first_answer(f"ws://127.0.0.1:{port}/ocpp/F-1", process)
            assert answer.startswith('[3,"1",{"currentTime":"')
        finally:
            async with asyncio.timeout(120):
                code = await process.wait()
        assert code == 0
        await services.until(lambda: services.final_leases == 1)


async def test_a_second_signal_ends_the_process_in_the_middle_of_its_drain(
    services: FakeServices,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "serve",
            env=_environment(
                broker_url=services.broker_url,
                probe_port="0",
                gateway_port="0",
                ocpp_listen_fd=str(listening.fileno()),
                credential_pepper="a pepper for the tests",
                drain_seconds="600",
            ),
            stderr=asyncio.subprocess.PIPE,
            pass_fds=[listening.fileno()],
        )
        url = f"ws://127.0.0.1:{listening.getsockname()[1]}/ocpp"
        assert process.stderr is not None
        async with asyncio.timeout(120):
            # The first is closed at once, the other after five minutes.
            stations = [await _connected(f"{url}/F-{number}") for number in (2, 3)]
            process.terminate()
            async for line in process.stderr:
                if b"connection_ended" in line:
                    break
            process.terminate()
            printed = await process.stderr.read()
            assert await process.wait() == 0
        assert b"second signal" in printed
        for station in stations:
            await station.wait_closed()


async def test_a_gateway_holds_what_its_hard_limit_of_open_files_allows(
    services: FakeServices, tmp_path: Path
) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as lines:
        process = await asyncio.create_subprocess_exec(
            "prlimit",
            f"--nofile=1024:{hard}",
            PROGRAM,
            "serve",
            env=_environment(
                broker_url=services.broker_url,
                probe_port="0",
                gateway_port="0",
                ocpp_listen_fd=str(listening.fileno()),
                credential_pepper="a pepper for the tests",
                drain_seconds="0",
            ),
            stderr=lines,
            pass_fds=[listening.fileno()],
        )
        url = f"ws://127.0.0.1:{listening.getsockname()[1]}/ocpp"
        try:
            async with asyncio.timeout(120):
                stations = [await _connected(f"{url}/O-0")]
                for first in range(1, 1101, 50):
                    stations += await asyncio.gather(
                        *(
                            connect(f"{url}/O-{number}", compression=None)
                            for number in range(first, first + 50)
                        )
                    )
                for station in (stations[0], stations[-1]):
                    await station.send(HEARTBEAT)
                    assert "currentTime" in str(await station.recv())
        finally:
            process.terminate()
            async with asyncio.timeout(120):
                await process.wait()
    told = {line["event"]: line for line in map(json.loads, log.read_text().splitlines())}
    assert told["listening"]["capacity"] == hard - 100 - min(2000, (hard - 100) // 4)


async def _connected(url: str) -> ClientConnection:
    while True:
        try:
            return await connect(url, compression=None)
        except (OSError, InvalidHandshake):
            await asyncio.sleep(0.05)


async def _first_answer(url: str, process: asyncio.subprocess.Process) -> str:
    """Return the answer to a heartbeat once the gateway takes stations, and stop it after that."""
    while True:
        try:
            async with connect(url, compression=None) as station:
                await station.send(HEARTBEAT)
                answer = await station.recv()
                process.terminate()
                await station.wait_closed()
                assert station.close_code == 1012
                return str(answer)
        except (OSError, InvalidHandshake):
            await asyncio.sleep(0.05)
