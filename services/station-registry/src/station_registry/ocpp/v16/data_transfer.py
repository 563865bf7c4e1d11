"""DataTransfer from stations (OCPP 1.6, 4.3 and 6.15)."""

from collections.abc import Mapping
from typing import Any

from station_registry.data_transfer.domain import Transfer, TransferAnswer

# The schema's spelling, against the specification's prose.
_STATUS = {TransferAnswer.UNKNOWN_VENDOR: "UnknownVendorId"}


def read_transfer(payload: Mapping[str, Any]) -> Transfer:
    """Read a request."""
    return Transfer(payload["vendorId"], payload.get("messageId"), payload.get("data"))


def write_transfer_answer(answer: TransferAnswer) -> dict[str, Any]:
    """Write a response."""
    return {"status": _STATUS[answer]}
