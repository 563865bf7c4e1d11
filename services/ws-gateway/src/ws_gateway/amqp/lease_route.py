"""Which queue of the registry takes leases and re-assertions (ADR 0029)."""

from csms_shared.broker.topology import STATION_REGISTRY, decisions_key


class LeaseRoute:
    """The queues of their own; for one release also that of a registry of the version before.

    That one answers on its decisions path only, and has not declared the others. After it has
    replaced a newer one, they are there, and nobody reads them. So whatever was not answered is
    asked the other way next, until an answer says which way is read.
    """

    def __init__(self) -> None:
        self._own_queues = True

    def key(self, own: str) -> str:
        """Return the routing key for what has `own` as its own."""
        return own if self._own_queues else decisions_key(STATION_REGISTRY)

    def answered(self, *, own_queues: bool) -> None:
        """Note what a registry said of itself."""
        self._own_queues = own_queues

    def unanswered(self, key: str) -> None:
        """Note that what went this way was returned, or not answered in time."""
        self._own_queues = key == decisions_key(STATION_REGISTRY)
