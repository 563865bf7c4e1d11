"""The loads that the driver can put on a central system; each returns what was measured."""

from collections.abc import Callable, Coroutine
from typing import Any

from bench.driver.charging_loads import meter_values, paced, sessions
from bench.driver.connecting_loads import connect, idle, memory
from bench.driver.fairness_load import fairness
from bench.driver.fleet import Result
from bench.driver.operator_loads import commands, queries
from bench.driver.plan import Load, Plan
from bench.driver.starting_loads import starts

LOADS: dict[Load, Callable[[Plan], Coroutine[Any, Any, Result]]] = {
    "sessions": sessions,
    "meter-values": meter_values,
    "paced": paced,
    "starts": starts,
    "connect": connect,
    "memory": memory,
    "idle": idle,
    "commands": commands,
    "queries": queries,
    "fairness": fairness,
}
