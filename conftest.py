"""Fixtures that every test may use, and logs that cost the code under test no time."""

import structlog

pytest_plugins = ["csms_local.pytest_nodes"]

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
