"""F21: a gateway dies, and every station that it held comes back within the same second.

Without TLS, and by TLS with a password (security profile 2) or a client certificate (3).
"""

import asyncio
import contextlib
import json
import math
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest

from csms_local.suite import Suite, start_suite
from csms_simulator.operator import Operator
from tests.faults.counts import RECORDED, Counts
from tests.faults.scale import Scale
from tests.faults.storm_processes import StormProcess, storm_processes
from tests.faults.storm_ways import PROFILES, StormWay
from tests.integration.waiting import eventually
from tests.security.process_figures import cpu_seconds, resident_bytes

PROCESSES = 3
OTHERS = 200
HEARTBEAT_EVERY_S = 2.0
CONNECT_S = 300.0
BACK_S = 30.0
# How long it may take to fail: a run that misses the target says by how much.
PATIENCE_S = 150.0
HEARTBEAT_P99_S = 1.0
PRESENCE_S = 60.0
LEASE_OF_THE_DEAD_S = 25.0
GROWTH_BYTES = 256 * 1024 * 1024


@pytest.fixture
def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StormWay:
    """How stations come: the security profile that the test is for."""
    return StormWay(request.param, tmp_path_factory.mktemp("storm"))


@pytest.fixture
def own_suite(way: StormWay) -> Iterator[Suite]:
    """A suite of its own: memory is measured, and the disk is waited for as in production."""
    env = {"CSMS_MAX_UNKNOWN_STATIONS": "100000", "CSMS_LOG_LEVEL": "WARNING", **way.env}
    with start_suite(way.folder / "suite", env, programs=way.programs) as started:
        yield started


class Memory:
    """The most memory of each of the suite's processes while it is watched, in bytes."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self.before = self._now()
        self.most = dict(self.before)

    def _now(self) -> dict[str, int]:
        return {name: resident_bytes(pid) for name, pid in self._pids.items()}

    async def watch(self) -> None:
        """Look every second until cancelled."""
        while True:
            await asyncio.sleep(1.0)
            for name, held in (await asyncio.to_thread(self._now)).items():
                self.most[name] = max(self.most[name], held)

    def growth(self) -> dict[str, int]:
        """Return by how much each has grown at most."""
        return {name: self.most[name] - before for name, before in self.before.items()}


@pytest.mark.parametrize(
    "way", [pytest.param(0, marks=pytest.mark.in_subset), 2, 3], indirect=True, ids=PROFILES.get
)
async def test_after_a_gateways_death_all_its_stations_are_back_within_30_seconds(
    own_suite: Suite, way: StormWay, scale: Scale
) -> None:
    stations = scale.pick(1_000, 10_000)
    run = own_suite.state()
    dying, staying = run.gateways
    urls = [way.url(dying), way.url(staying)]
    cut = [
        way.plan(urls, f"STORM{number}-", share)
        for number, share in enumerate(_shares(stations, PROCESSES))
    ]
    others = way.plan(urls[::-1], "OTHER-", OTHERS, HEARTBEAT_EVERY_S)
    async with Operator(run.rest_url, run.admin_username, run.admin_password) as operator:
        await way.create(operator, *cut, others)
    async with (
        Operator(run.rest_url, run.admin_username, run.admin_password) as operator,
        storm_processes(*cut, others) as processes,
    ):
        for process in processes:
            await process.until("ready", CONNECT_S)
        await _online(operator, stations + OTHERS)
        memory = Memory({staying.id: staying.pid, **run.services})
        watching = asyncio.create_task(memory.watch())
        pids = {staying.id: staying.pid, **run.services}
        pids |= {process.plan.prefix: process.pid for process in processes}
        cpu_before = cpu_seconds(pids)
        killed_at = time.monotonic()
        os.kill(dying.pid, signal.SIGKILL)
        for process in processes[:-1]:
            await process.until("all back", PATIENCE_S)
        cpu_s = {name: used - cpu_before[name] for name, used in cpu_seconds(pids).items()}
        results = [await _result(process) for process in processes]
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        back_s = sorted(at - killed_at for one in results[:-1] for at in one["back_at"])
        heartbeats_s = sorted(
            took
            for due, took in results[-1]["heartbeats"]
            if killed_at <= due + took and due <= killed_at + back_s[-1]
        )
        report = Counts(
            "F21",
            f"gateway killed, storm of reconnects{way.title} (half of them back after "
            f"{back_s[len(back_s) // 2]:.1f} s; processor time in s: {_listed(cpu_s)}; "
            f"refused by {staying.id}: {_listed(await _refusals(own_suite, staying.id))}; "
            f"growth in MiB: {_listed(_in_mib(memory.growth()))})",
            Counter({"gateway killed": 1}),
            stations=stations + OTHERS,
            reconnects=len(back_s),
            refusals=Counter(_sum(one["failures"] for one in results)),
            recovery_s=back_s[-1],
            heartbeat_p99_s=_percentile(heartbeats_s, 0.99),
            peak_mib=max(memory.most.values()) >> 20,
        )
        RECORDED.append(report)
        held = _sum(one["held"] for one in results)
        await _presence_is_true(operator, stations, held)
        # The dead gateway's lease takes none of them offline.
        await asyncio.sleep(max(0.0, killed_at + LEASE_OF_THE_DEAD_S - time.monotonic()))
        await _presence_is_true(operator, stations, held)
        for process in processes:
            await process.go_on()

    assert [one["lost"] for one in results] == [*(plan.stations for plan in cut), 0]
    if scale.full:
        # A shorter run may have a busy machine; how long it took is in its line all the same.
        assert report.recovery_s <= BACK_S
        assert report.heartbeat_p99_s < HEARTBEAT_P99_S
    for name, grown in memory.growth().items():
        taken_over = held[way.url(staying)] - OTHERS if name == staying.id else 0
        assert grown < GROWTH_BYTES + taken_over * way.bytes_per_station, name


async def _result(process: StormProcess) -> dict[str, Any]:
    await process.go_on()
    return await process.until("result", 30.0)


async def _online(operator: Operator, stations: int) -> None:
    await eventually(
        lambda: operator.get("/status"),
        lambda status: status["stations_online"] == stations,
        PRESENCE_S,
    )


async def _presence_is_true(operator: Operator, stations: int, held: dict[str, int]) -> None:
    """Compare what REST shows with what the stations hold."""
    await _online(operator, stations + OTHERS)
    connections = await operator.items("/connections")
    assert len({one["station_id"] for one in connections}) == stations + OTHERS
    by_gateway = _sum({one["gateway_id"]: 1} for one in connections)
    assert sorted(by_gateway.values()) == sorted(held.values())


async def _refusals(suite: Suite, gateway: str) -> dict[str, float]:
    """Return how many handshakes a gateway has refused, by reason: stations see a reset only."""
    port = json.loads((suite.home / "ports.json").read_text())[f"{gateway}-probe"]
    async with httpx.AsyncClient(trust_env=False) as client:
        shown = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    found = re.findall(r'^csms_gateway_refusals_total\{reason="(\w+)"\} (\S+)', shown, re.MULTILINE)
    return {reason: float(count) for reason, count in found if float(count)}


def _listed(amounts: dict[str, float]) -> str:
    return ", ".join(f"{amount:.1f} {name}" for name, amount in amounts.items()) or "nothing"


def _in_mib(sizes: dict[str, int]) -> dict[str, float]:
    return {name: size / 2**20 for name, size in sizes.items()}


def _shares(total: int, parts: int) -> list[int]:
    return [total // parts + (number < total % parts) for number in range(parts)]


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return total


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
