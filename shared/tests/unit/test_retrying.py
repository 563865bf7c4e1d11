"""What is tried again, when it stops, and what is told of each failure."""

import asyncio
import sys
from types import FrameType

import pytest

from csms_shared.runtime.errors import Unavailable
from csms_shared.runtime.retrying import until_available


class Flaky:
    """Fails the given number of times, then answers."""

    def __init__(self, failures: int, error: type[Exception] = Unavailable) -> None:
        self.failures = failures
        self.calls = 0
        self.error = error

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error(f"failure {self.calls}")
        return "done"


async def test_tries_until_it_succeeds_and_tells_each_failure() -> None:
    flaky, told = Flaky(2), list[str]()

    async def note(error: BaseException) -> None:
        told.append(str(error))

    assert await until_available(Unavailable, on_failure=note, longest_s=0.1)(flaky) == "done"
    assert told == ["failure 1", "failure 2"]


async def test_another_error_passes_through_at_once() -> None:
    flaky = Flaky(1, ValueError)
    with pytest.raises(ValueError, match="failure 1"):
        await until_available(Unavailable)(flaky)
    assert flaky.calls == 1


async def test_stopping_raises_the_last_failure() -> None:
    flaky = Flaky(5)
    with pytest.raises(Unavailable, match="failure 2"):
        await until_available(Unavailable, longest_s=0.1, stopping=lambda: flaky.calls == 2)(flaky)


async def test_one_object_serves_one_call_after_the_other() -> None:
    retrying = until_available(Unavailable, longest_s=0.1)
    assert [await retrying(Flaky(1)), await retrying(Flaky(1))] == ["done", "done"]


async def test_one_object_serves_calls_at_once() -> None:
    told = list[str]()

    async def note(error: BaseException) -> None:
        told.append(str(error))

    retrying = until_available(Unavailable, longest_s=0.1, on_failure=note)
    assert [*await asyncio.gather(retrying(Flaky(1)), retrying(Flaky(2)))] == ["done", "done"]
    assert sorted(told) == ["failure 1", "failure 1", "failure 2"]


async def test_what_succeeds_at_once_costs_little_more_than_the_call() -> None:
    called = list[str]()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.append(frame.f_code.co_name)

    sys.setprofile(count)
    try:
        await until_available(Unavailable)(Flaky(0))
    finally:
        sys.setprofile(None)
    assert len(called) <= 5, called
