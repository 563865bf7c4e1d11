"""Names of events as people write them, and the routing keys that they mean."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

# Domains whose events have a station as their subject. Of others, ids may be alike.
_OF_STATIONS = frozenset(
    (
        "station",
        "connector",
        "job",
        "transaction",
        "meter_values",
        "reservation",
        "charging_profile",
        "configuration",
        "command",
    )
)


def is_of_station(routing_key: str) -> bool:
    """Tell whether the subject of such an event is surely a station."""
    return routing_key.partition(".")[0] in _OF_STATIONS


def routing_key_of(event_type: str) -> str:
    """Return the routing key of a CloudEvents type: `csms.transaction.started.v1`, or itself."""
    return event_type.removeprefix("csms.").removesuffix(".v1")


def matches(routing_key: str, globs: Iterable[str]) -> bool:
    """Tell whether one of the globs means events of this routing key.

    `transaction.started` or the whole type is that one, `transaction.*` and `transaction` are all
    below it; a star stands for any text.
    """
    return any(_matches(routing_key, routing_key_of(glob)) for glob in globs)


def _matches(routing_key: str, glob: str) -> bool:
    if "*" in glob:
        return fnmatchcase(routing_key, glob)
    return routing_key == glob or routing_key.startswith(f"{glob.removesuffix('.')}.")
