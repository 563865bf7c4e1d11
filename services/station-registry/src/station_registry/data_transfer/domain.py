"""What stations transfer of their vendors' own: kept as it was sent."""

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True, slots=True)
class Transfer:
    """Data of a vendor's own."""

    vendor_id: str
    message_id: str | None
    data: str | None


class TransferAnswer(Enum):
    """What a transfer is answered."""

    UNKNOWN_VENDOR = auto()
