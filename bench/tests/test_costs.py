import pytest

from bench.costs import costs
from bench.processes import Usage
from bench.stored import SUITE
from bench.systems import System

SYSTEM = System(
    name="suite",
    ocpp_url="",
    gateway_urls=[],
    rest_url="",
    authorization="",
    database_url="",
    broker_url="",
    queries=SUITE,
    processes={},
    gateway_names=("gateway-1",),
)


def used(cpu_s: float, driver_s: float = 0.0, rss: int = 0) -> dict[str, Usage]:
    return {"gateway-1": Usage(cpu_s, rss, 2**20), "driver": Usage(driver_s, 0, 0)}


def test_the_cpu_time_of_a_window_is_divided_among_its_messages() -> None:
    looks = {"begun": (10.0, used(1.0)), "ended": (20.0, used(3.0))}
    found = costs(SYSTEM, {"messages_per_s": 1000.0}, looks)
    assert found["cpu_share"]["gateway-1"] == pytest.approx(0.2)
    assert found["cpu_us_per_unit"]["gateway-1"] == pytest.approx(200)
    assert found["memory_mb"]["gateway-1"] == 1.0


def test_a_window_without_a_message_has_no_cost_of_one() -> None:
    looks = {"begun": (10.0, used(1.0)), "ended": (20.0, used(3.0))}
    assert "cpu_us_per_unit" not in costs(SYSTEM, {"messages_per_s": 0.0}, looks)


def test_idle_cost_is_above_the_same_system_alone_and_without_the_driver() -> None:
    looks = {
        "alone begun": (0.0, used(0.0)),
        "alone ended": (10.0, used(0.1)),
        "begun": (20.0, used(1.0)),
        "ended": (30.0, used(1.5, driver_s=9.0)),
    }
    assert costs(SYSTEM, {}, looks)["idle_cost"] == pytest.approx(0.04)


def test_memory_per_connection_is_what_the_gateways_grew_by() -> None:
    looks = {"warm": (0.0, used(0.0, rss=1000)), "held": (9.0, used(1.0, rss=161_000))}
    assert costs(SYSTEM, {"held": 10}, looks)["bytes_per_connection"] == 16_000
