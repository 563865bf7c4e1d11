"""Fixtures that every test may use, and logs that cost the code under test no time."""

import gc
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

pytest_plugins = ["csms_local.pytest_nodes"]

# Property-based tests draw the same examples each time: a failure can be looked at, and a change is
# not blamed for what was there before it. To draw others: pytest --hypothesis-profile=default.
# Neither an example nor drawing it has a bound in time: a busy machine would break it.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

# What structlog does unasked, a traceback in colours with every local variable, holds the event
# loop up for seconds on a busy machine: past the deadlines of the calls under test. The services'
# own logs have plain tracebacks too.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)


@pytest.fixture
def nothing_collected() -> Iterator[None]:
    """Keep finalizers away from a test that parses modules.

    One that formats a traceback parses too, and up to Python 3.11.4 either then fails with a
    SystemError (python/cpython#106905).
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
