"""Whether a station's answer means yes."""

from typing import Any

from csms_shared.ocpp.actions import find_command


def is_accepted(version: str, action: str, response: dict[str, Any]) -> bool:
    """Tell whether the answer to a command is a yes."""
    command = find_command(version, action)
    return command is not None and command.is_accepted(response)
