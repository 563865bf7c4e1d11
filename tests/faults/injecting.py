"""Each drawn fault, done to a suite: it comes, lasts, and is put right; recovery is not waited for.

Whoever is told to end while a fault lasts puts it right as well.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager

from websockets.exceptions import WebSocketException

from csms_shared.broker.topology import all_queues
from tests.faults.broker_faults import BrokerFaults
from tests.faults.database_faults import (
    DEADLOCK,
    DISK_FULL,
    SERIALIZATION_FAILURE,
    slow_commits,
)
from tests.faults.drawn_faults import Fault
from tests.faults.echo import echo_of_calls, echo_of_reports
from tests.faults.faults_inside import faults_inside
from tests.faults.faulty_suite import GATEWAYS
from tests.faults.hostile_sockets import (
    frame_beyond_the_limit,
    frame_of_a_megabyte,
    garbage,
    unknown_action,
)
from tests.faults.proxy import Proxy
from tests.faults.suite_on_paths import SuiteOnPaths

Injector = Callable[[SuiteOnPaths, str, float], Awaitable[None]]

_PUT_RIGHT_WITHIN_S = 180.0
_DRAINED_WITHIN_S = 30.0
_SLOW_S = 0.2
_CLOCK_AHEAD_S = 60
_REPEATED_WITHIN_S = 5.0
_REFUSED_SHARE = 0.3
_COUNTED_BY_THE_SUITE = frozenset({"killed", "terminated", "down", "stands still"})
_WRITTEN = (
    "registry.station_connection",
    "session.transaction",
    "session.meter_value",
    "session.outbox",
    "command.commands",
    "integration.event_segment",
)


async def inject(suite: SuiteOnPaths, fault: Fault) -> None:
    """Let a fault come and go, and count it."""
    if fault.kind not in _COUNTED_BY_THE_SUITE:
        suite.note(f"{fault.target} {fault.kind}")
    async with asyncio.timeout(fault.seconds + _PUT_RIGHT_WITHIN_S):
        await INJECTORS[fault.kind](suite, fault.target, fault.seconds)


async def _killed(suite: SuiteOnPaths, process: str, seconds: float) -> None:
    await suite.kill(process)


async def _terminated(suite: SuiteOnPaths, process: str, seconds: float) -> None:
    await suite.terminate(process)


async def _down(suite: SuiteOnPaths, component: str, seconds: float) -> None:
    async with suite.without(component):
        await asyncio.sleep(seconds)


async def _stands_still(suite: SuiteOnPaths, component: str, seconds: float) -> None:
    if component == suite.broker.name:
        suite.broker.freeze()
        suite.note(f"SIGSTOP {component}")
    else:
        suite.pause(component)
    try:
        await asyncio.sleep(seconds)
    finally:
        if component == suite.broker.name:
            suite.broker.thaw()
        else:
            suite.resume(component)


async def _cut_off_from_broker(suite: SuiteOnPaths, process: str, seconds: float) -> None:
    path = suite.broker_paths[process]
    path.cut()
    await _mended_after(path, seconds)


async def _half_open_to_broker(suite: SuiteOnPaths, process: str, seconds: float) -> None:
    path = suite.broker_paths[process]
    path.freeze()
    await _mended_after(path, seconds)


async def _slow_to_broker(suite: SuiteOnPaths, process: str, seconds: float) -> None:
    path = suite.broker_paths[process]
    path.to_target.delay(_SLOW_S)
    path.to_client.delay(_SLOW_S)
    await _mended_after(path, seconds)


async def _cut_off_from_database(suite: SuiteOnPaths, service: str, seconds: float) -> None:
    path = suite.database_paths[service]
    path.cut()
    await _mended_after(path, seconds)


async def _half_open_to_database(suite: SuiteOnPaths, service: str, seconds: float) -> None:
    path = suite.database_paths[service]
    path.freeze()
    await _mended_after(path, seconds)


async def _with_slow_commits(suite: SuiteOnPaths, service: str, seconds: float) -> None:
    path = suite.database_paths[service]
    slow_commits(path, _SLOW_S)
    await _mended_after(path, seconds)


async def _mended_after(path: Proxy, seconds: float) -> None:
    try:
        await asyncio.sleep(seconds)
    finally:
        path.mend()


async def _stopped_in_good_order(suite: SuiteOnPaths, broker: str, seconds: float) -> None:
    await suite.broker.stop()
    await suite.broker.begin()


def _short_of(alarm: Callable[[BrokerFaults], AbstractAsyncContextManager[None]]) -> Injector:
    async def inject_alarm(suite: SuiteOnPaths, broker: str, seconds: float) -> None:
        async with alarm(suite.broker):
            await asyncio.sleep(seconds)

    return inject_alarm


async def _closes_all_connections(suite: SuiteOnPaths, broker: str, seconds: float) -> None:
    await suite.broker.close_connections()


async def _ends_all_sessions(suite: SuiteOnPaths, database: str, seconds: float) -> None:
    await suite.database_server.terminate_connections()


def _refusing(sqlstate: str) -> Injector:
    async def inject_errors(suite: SuiteOnPaths, database: str, seconds: float) -> None:
        server = suite.database_server
        async with server.raising(sqlstate, *_WRITTEN, share=_REFUSED_SHARE):
            await asyncio.sleep(seconds)

    return inject_errors


async def _locked(suite: SuiteOnPaths, table: str, seconds: float) -> None:
    async with suite.database_server.locked(table):
        await asyncio.sleep(seconds)


async def _deleted(suite: SuiteOnPaths, queue: str, seconds: float) -> None:
    # What is in a queue goes with it: nothing may be published until it is deleted.
    paths = [suite.broker_paths[gateway] for gateway in GATEWAYS]
    for path in paths:
        path.to_target.freeze()
    try:
        work_queues = {one.name for one in all_queues()}
        await suite.broker.until_empty(work_queues, _DRAINED_WITHIN_S)
        await suite.broker.delete_queue(queue)
    finally:
        for path in paths:
            path.mend()


async def _loses_its_own_queues(suite: SuiteOnPaths, process: str, seconds: float) -> None:
    lasting = {queue.name for queue in all_queues()}
    for name in await suite.broker.queues():
        if name.startswith(process) and name not in lasting:
            await suite.broker.delete_queue(name)


async def _come_again(suite: SuiteOnPaths, what: str, seconds: float) -> None:
    echo = echo_of_calls if what == "calls" else echo_of_reports
    async with echo(suite, within_s=_REPEATED_WITHIN_S):
        await asyncio.sleep(seconds)


async def _with_a_clock_ahead(suite: SuiteOnPaths, process: str, seconds: float) -> None:
    ahead = {process: {"FAULT_CLOCK_S": str(_CLOCK_AHEAD_S)}}
    async with faults_inside(suite, ahead, _PUT_RIGHT_WITHIN_S):
        await asyncio.sleep(seconds)


async def _hostile(suite: SuiteOnPaths, what: str, seconds: float) -> None:
    async with asyncio.TaskGroup() as group:
        for hostile in (frame_beyond_the_limit, frame_of_a_megabyte, garbage, unknown_action):
            for url in suite.gateway_urls:
                group.create_task(_unless_away(hostile(url)))


async def _unless_away(coming: Coroutine[None, None, None]) -> None:
    # Refused, cut off or not answered as F25 wants it: the other fault is its gateway's too.
    with contextlib.suppress(OSError, WebSocketException, AssertionError):
        await coming


INJECTORS: dict[str, Injector] = {
    "killed": _killed,
    "terminated": _terminated,
    "down": _down,
    "stands still": _stands_still,
    "cut off from broker": _cut_off_from_broker,
    "half-open to broker": _half_open_to_broker,
    "slow to broker": _slow_to_broker,
    "cut off from database": _cut_off_from_database,
    "half-open to database": _half_open_to_database,
    "with slow commits": _with_slow_commits,
    "stopped in good order": _stopped_in_good_order,
    "short of memory": _short_of(BrokerFaults.memory_alarm),
    "short of disk": _short_of(BrokerFaults.disk_alarm),
    "closes all connections": _closes_all_connections,
    "ends all sessions": _ends_all_sessions,
    "deadlocks": _refusing(DEADLOCK),
    "fails to serialize": _refusing(SERIALIZATION_FAILURE),
    "full": _refusing(DISK_FULL),
    "locked": _locked,
    "deleted": _deleted,
    "loses its own queues": _loses_its_own_queues,
    "come again": _come_again,
    "with a clock ahead": _with_a_clock_ahead,
    "hostile": _hostile,
}
"""What is done for each kind of fault that is drawn."""
