"""The data of `station.heartbeat`."""

from pydantic import Field

from csms_shared.contracts.envelope import Contract


class StationHeartbeat(Contract):
    """A station was heard: when last, and over which connection."""

    station_id: str = Field(description="the station")
    epoch: int = Field(description="the number of its connection, which grows")
    connection_id: str = Field(description="the connection over which it was heard")
    last_seen_at: str = Field(description="when it was heard last (RFC 3339)")
