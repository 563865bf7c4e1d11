"""Events that bear on security."""

from pydantic import Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.event_data.fields import StationId


class ConnectionRefused(Contract):
    """Somebody was refused who may have tried to pass for a station."""

    station_id: str = Field(description="whom it tried to be; empty where the TLS handshake failed")
    remote_address: str = Field(description="where it came from")
    reason: str = Field(description="why, in a word (docs/refused-stations.md)")
    detail: str = Field(description="why, in a sentence")
    http_status: int = Field(description="what it was answered; 0 without an answer")


class SecurityEventTold(Contract):
    """Something that bears on security, reported by a station or noticed by the suite."""

    station_id: StationId
    security_event_id: str = Field(description="the event, as REST calls it")
    type: str = Field(description="what it is: OCPP's, a vendor's or the suite's own word")
    critical: bool = Field(description="whether somebody has to look at it")
    detail: str | None = Field(description="what is said of it")
    station_time: str | None = Field(
        description="the station's text of when it was; null where the suite noticed it"
    )
    received_at: str = Field(description="when it was heard of, RFC 3339")
    epoch: int | None = Field(
        None, description="of the station's call; absent where the suite noticed it"
    )
    seq: int | None = Field(None, description="of the station's call; absent with `epoch`")
