"""Names of events as people write them, and the routing keys that they mean."""

from collections.abc import Iterable
from fnmatch import fnmatchcase


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
