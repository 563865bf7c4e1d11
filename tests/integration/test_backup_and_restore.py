"""A backup taken under load is restored, while stations keep what they were given after it."""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from csms_local.nodes.ports import free_port
from csms_local.services import ROLES
from csms_local.state_folder import StateFolder
from csms_local.suite import Suite, start_suite
from csms_simulator.check import Fault, compare, reported_transactions, settled_differences
from csms_simulator.ledger import Ledger
from csms_simulator.operator import Operator
from csms_simulator.session import ChargingSession
from csms_simulator.session_script import SessionPlan, run_session
from csms_simulator.settings import StationSettings
from csms_simulator.station import SimulatedStation
from tests.integration.kept_tenants import KeptTenants
from tests.integration.waiting import eventually

SETTINGS = StationSettings(first_reconnect_wait=0.3, longest_reconnect_wait=2.0)
SHORT = SessionPlan(samples=2, sample_interval=0.1)
OLD, NEW = "the-old-password", "the-rotated-password"


async def _command(home: Path, name: str, **env: str) -> tuple[int, str]:
    """Run `csms-backup` or `csms-restore` as the Makefile does."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / name),
        env={**os.environ, "CSMS_HOME": str(home), "CSMS_FSYNC": "off", **env},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(120):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


class Fleet:
    """The test's stations, which live through everything."""

    def __init__(self, ocpp_url: str) -> None:
        self.ledger = Ledger()
        self.stations: list[SimulatedStation] = []
        self._url = ocpp_url

    async def add(self, name: str) -> SimulatedStation:
        station = SimulatedStation(name, self._url, self.ledger, SETTINGS)
        self.stations.append(station)
        await station.start()
        await station.wait_accepted(60)
        return station

    async def begin(self, station: SimulatedStation, operator: Operator) -> ChargingSession:
        """Begin a session, with a sample that is answered."""
        token = secrets.token_hex(7).upper()
        await operator.ensure_id_token(token)
        session = station.open_session(1, token)
        session.start()
        await session.started(60)
        self.sample(station, session)
        await station.queue.wait_empty(60)
        return session

    @staticmethod
    def sample(station: SimulatedStation, session: ChargingSession) -> None:
        session.charge(500, 11_000)
        session.take_sample()


async def _epochs(operator: Operator, fleet: Fleet) -> dict[str, int]:
    async def read() -> dict[str, Any]:
        found = await operator.items("/stations")
        return {station["station_id"]: station["connection"] for station in found}

    names = [station.station_id for station in fleet.stations]
    held = await eventually(read, lambda found: all(found.get(name) for name in names), 60)
    return {name: held[name]["epoch"] for name in names}


@pytest.mark.long
async def test_stations_that_keep_what_came_after_the_backup_are_given_nothing_twice(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("restored")
    ocpp_port = free_port()
    env = {
        "CSMS_FSYNC": "off",
        "CSMS_OCPP_PORT": str(ocpp_port),
        "CSMS_HTTP_PORT": str(free_port({ocpp_port})),
    }
    with start_suite(home, env) as suite:
        run = suite.state()
        fleet = Fleet(run.ocpp_url)
        async with Operator(run.rest_url, run.admin_username, run.admin_password) as operator:
            response = await operator.http.post(
                "/stations", json={"station_id": "ROTATES", "password": OLD}
            )
            assert response.status_code == 201, response.text
            open_one = await fleet.add("OPEN-AT-THE-BACKUP")
            keeper = await fleet.add("KEEPS-AN-ID")
            busy = await fleet.add("BUSY-DURING-THE-BACKUP")
            spanning = await fleet.begin(open_one, operator)
            finished = await fleet.begin(keeper, operator)
            finished.stop()
            await finished.wait_ended(60)
            # Reports are answered before they are stored; a backup holds what is stored.
            assert await settled_differences(operator, fleet.ledger, within=60) == []
            before = set(fleet.ledger.transactions)
            tenants = await KeptTenants.make(run)

            charging = asyncio.create_task(_charge_on(busy, operator))
            await eventually(_sessions(fleet, busy), lambda count: count >= 1, 60)
            status, said = await _command(home, "csms-backup")
            assert status == 0, said
            reached = await _sessions(fleet, busy)()
            await eventually(_sessions(fleet, busy), lambda count: count > reached, 60)
            charging.cancel()

            unknown = await fleet.add("CAME-AFTER-THE-BACKUP")
            kept = [await fleet.begin(keeper, operator), await fleet.begin(unknown, operator)]
            response = await operator.http.put("/stations/ROTATES/password", json={"password": NEW})
            assert response.status_code == 200, response.text
            epochs = await _epochs(operator, fleet)
            status, said = await _command(home, "csms-restore")
            assert (status, "a suite runs on" in said) == (1, True), said
        await asyncio.to_thread(suite.stop)
    for station, session in zip((keeper, unknown), kept, strict=True):
        Fleet.sample(station, session)
        session.stop()
    await unknown.power_cycle()  # nobody knows any more that it has booted
    given_out = set(fleet.ledger.transactions)

    status, said = await _command(home, "csms-restore")
    assert status == 0, said

    with start_suite(home, env) as suite:
        run = suite.state()
        ended_log_in = {"Authorization": operator.authorization}
        async with httpx.AsyncClient(trust_env=False) as former:
            refused = await former.get(f"{run.rest_url}/api/v1/stations", headers=ended_log_in)
        assert refused.status_code == 401
        await tenants.are_as_they_were(run)
        async with Operator(run.rest_url, run.admin_username, run.admin_password) as operator:
            # The session that was open goes on; ids that nobody knows any more are kept.
            fleet.sample(open_one, spanning)
            spanning.stop()
            await spanning.wait_ended(60)
            for session in kept:
                await session.wait_ended(60)
            again = [await fleet.begin(station, operator) for station in fleet.stations]
            new = {session.transaction_id for session in again}
            assert not new & given_out
            assert min(i or 0 for i in new) > max(given_out) + 900_000
            quarantine = await eventually(
                lambda: operator.items("/quarantine"), lambda items: len(items) >= 4, 60
            )
            assert {(item["station_id"], item["kind"]) for item in quarantine} == {
                (station.station_id, kind)
                for station in (keeper, unknown)
                for kind in ("stop", "meter_values")
            }
            assert {item["wire_transaction_id"] for item in quarantine} == {
                session.transaction_id for session in kept
            }
            for name, epoch in (await _epochs(operator, fleet)).items():
                assert epoch > epochs[name], name
            await _nothing_but_what_came_after_is_lost(operator, fleet, before, new)
            await _the_rotated_password_counts_once_it_is_set_again(operator, run.ocpp_url)
            epochs = await _epochs(operator, fleet)
        await _restore_under_living_gateways(suite, home)
        async with Operator(run.rest_url, run.admin_username, run.admin_password) as operator:

            async def all_are_newer() -> bool:
                held = await _epochs(operator, fleet)
                return all(held[name] > epochs[name] for name in held)

            assert await eventually(all_are_newer, bool, 90)
        assert fleet.ledger.contradictions == []
        assert fleet.ledger.discarded == []
        for station in fleet.stations:
            await station.stop()


async def _restore_under_living_gateways(suite: Suite, home: Path) -> None:
    """Kill the services, and keep what would restart them from doing so until all is restored."""
    run = suite.state()
    os.kill(suite.process.pid, signal.SIGSTOP)
    try:
        for service in ROLES:
            os.kill(run.services[service], signal.SIGKILL)

        async def restored() -> str:
            url = {"CSMS_MIGRATION_DATABASE_URL": run.database_url}
            status, said = await _command(home, "csms-restore", **url)
            return "restored" if status == 0 else said

        await eventually(restored, lambda outcome: outcome == "restored", 60)
        host = run.database_url.rpartition("@")[2]
        for service, role in ROLES.items():
            login = f"postgresql://{role}:{StateFolder(home).secret(role)}@{host}"
            await _migrate(
                service,
                CSMS_MIGRATION_DATABASE_URL=run.database_url,
                CSMS_DATABASE_URL=login,
            )
    finally:
        os.kill(suite.process.pid, signal.SIGCONT)

    async def all_are_back() -> bool:
        said = suite.console.read_text()
        return all(f"{service} is ready again" in said for service in ROLES)

    await eventually(all_are_back, bool, 90)


async def _migrate(service: str, **env: str) -> None:
    program = str(Path(sys.executable).parent / service)
    process = await asyncio.create_subprocess_exec(program, "migrate", env={**os.environ, **env})
    async with asyncio.timeout(120):
        assert await process.wait() == 0


def _sessions(fleet: Fleet, station: SimulatedStation) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return len(fleet.ledger.calls_of(station.station_id, "StopTransaction"))

    return count


async def _charge_on(station: SimulatedStation, operator: Operator) -> None:
    token = secrets.token_hex(7).upper()
    await operator.ensure_id_token(token)
    while True:
        await run_session(station, 1, token, SHORT)


async def _nothing_but_what_came_after_is_lost(
    operator: Operator, fleet: Fleet, before: set[int], new: set[int | None]
) -> None:
    """Compare with what stations were promised: old and new sessions are whole."""
    whole = before | {transaction_id for transaction_id in new if transaction_id is not None}

    async def differences() -> list[str]:
        found = compare(fleet.ledger, await reported_transactions(operator, fleet.ledger))
        return [
            str(difference)
            for difference in found
            if difference.fault is not Fault.LOST
            or any(f"transaction {number}" in difference.subject.split(" of ") for number in whole)
        ]

    await eventually(differences, lambda found: not found, 60)


async def _the_rotated_password_counts_once_it_is_set_again(
    operator: Operator, ocpp_url: str
) -> None:
    settings = StationSettings(
        first_reconnect_wait=0.3, longest_reconnect_wait=1.0, password=NEW.encode()
    )
    async with SimulatedStation("ROTATES", ocpp_url, settings=settings) as station:
        with pytest.raises(TimeoutError):
            await station.wait_accepted(3)
        response = await operator.http.put("/stations/ROTATES/password", json={"password": NEW})
        assert response.status_code == 200, response.text
        await station.wait_accepted(60)
