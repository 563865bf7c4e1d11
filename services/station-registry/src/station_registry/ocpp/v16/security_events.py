"""SecurityEventNotification (security whitepaper, edition 3, A04)."""

from collections.abc import Mapping
from typing import Any

from csms_shared.values.texts import fit
from station_registry.security_events.domain import ReportedEvent


def read_security_event(payload: Mapping[str, Any]) -> ReportedEvent:
    """Read a request; texts are cut to what can be stored."""
    return ReportedEvent(
        type=fit(payload["type"], 50) or "",
        station_time=fit(payload["timestamp"], 64),
        detail=fit(payload.get("techInfo"), 255),
    )
