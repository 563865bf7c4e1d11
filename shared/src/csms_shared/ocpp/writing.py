"""The table version -> writer of intents."""

from collections.abc import Callable, Mapping
from typing import Any

from csms_shared.ocpp import v16_intents
from csms_shared.ocpp.intents import Intent
from csms_shared.ocpp.versions import OCPP16

Writer = Callable[[Intent], tuple[str, dict[str, Any]]]

WRITERS: Mapping[str, Writer] = {OCPP16: v16_intents.written}


def written(version: str, intent: Intent) -> tuple[str, dict[str, Any]] | None:
    """Return the action and the payload that say this, None in a version without a writer."""
    writer = WRITERS.get(version)
    return None if writer is None else writer(intent)
