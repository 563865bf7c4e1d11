"""What stations are asked: a command as the protocol edge writes it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """An action with its payload, as the station's OCPP version spells them."""

    action: str
    payload: dict[str, Any]
