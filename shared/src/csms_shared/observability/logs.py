"""Structured logs: one JSON object a line, or coloured text for a person at a terminal."""

import logging
import sys
from typing import Literal

import structlog

LogFormat = Literal["json", "console"]


def configure_logs(service: str, format: LogFormat, level: str = "INFO") -> None:
    """Send this process's logs, those of libraries included, to standard error.

    Each line has `event`, `level`, `logger`, `timestamp` (UTC) and `service`, which is whoever
    logs: another service is a line's `peer_service`.
    """
    shared: list[structlog.types.Processor] = [
        _says_service(service),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderers: list[structlog.types.Processor] = (
        [structlog.processors.JSONRenderer()]
        if format == "json"
        else [_make_printable, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These say at INFO what the services say themselves, once per connection.
    for noisy in ("aio_pika", "aiormq", "alembic.runtime", "uvicorn", "websockets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _says_service(service: str) -> structlog.types.Processor:
    def say(
        _: structlog.types.WrappedLogger, __: str, event: structlog.types.EventDict
    ) -> structlog.types.EventDict:
        event["service"] = service
        return event

    return say


def _make_printable(
    _: structlog.types.WrappedLogger, __: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Escape what could begin a line, or steer the terminal: text may come from anybody.

    JSON needs nothing of the kind: it escapes all of it itself.
    """
    trace = event.get("exception")
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = _escaped(value)
    if isinstance(trace, str):
        # Indented, so that no line of it looks like one of the log's own.
        event["exception"] = "\n".join(f"    {_escaped(line)}" for line in trace.splitlines())
    return event


def _escaped(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]
