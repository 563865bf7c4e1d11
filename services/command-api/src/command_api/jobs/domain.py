"""What a job asks of a station, in no version's words; intervals in seconds."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Firmware:
    """Firmware to fetch and install; with a signature the station checks it."""

    location: str
    retrieve_at: datetime
    install_at: datetime | None = None
    signing_certificate: str | None = None
    signature: str | None = None
    retries: int | None = None
    retry_interval: int | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """What a station shall upload: a log of a kind, its diagnostics where none is named."""

    location: str | None = None
    log_type: str | None = None
    begin: datetime | None = None
    end: datetime | None = None
    retries: int | None = None
    retry_interval: int | None = None
