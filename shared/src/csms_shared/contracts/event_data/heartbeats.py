"""The data of `station.heartbeat`."""

from csms_shared.contracts.envelope import Contract


class StationHeartbeat(Contract):
    """A station was heard: when last, and over which connection."""

    station_id: str
    epoch: int
    connection_id: str
    last_seen_at: str
