"""The public events of id tokens."""

from datetime import datetime
from typing import Any

from session_service.handling.events import Event, event_of


def id_token_changed(
    tenant_id: str, key: str, version: int, created_at: datetime, data: dict[str, Any]
) -> Event:
    """Tell of a token that was created, changed or deleted."""
    cause = f"{key}\x1f{version}\x1f{created_at.isoformat()}"
    return event_of("id_token.changed", tenant_id, cause, data["id_token"], data)
