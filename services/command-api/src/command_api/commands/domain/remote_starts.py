"""Which transaction a remote start has caused.

The same station, the same token in any case, the connector if one was given, and a start seen
within the window after the command was made. One start is used once, one command has one start;
of several, the oldest command gets the oldest start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from csms_shared.values.id_tokens import token_key
from csms_shared.values.tenants import DEFAULT_TENANT

# Longer than the ConnectionTimeOut of real stations, in which the driver plugs in.
WINDOW_MS = 600_000
# Clocks of two machines, one of which stamps the command and the other the start.
CLOCK_TOLERANCE_MS = 2_000


@dataclass(frozen=True, slots=True)
class AwaitedStart:
    """The start that a command asks for: a token's key, and a connector if one is given."""

    id_token: str
    connector_id: int | None


@dataclass(frozen=True, slots=True)
class RemoteStart:
    """A remote start without a transaction that the station accepted, or may have."""

    command_id: UUID
    station_id: str
    id_token: str
    connector_id: int | None
    created_ms: int
    tenant_id: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class SeenStart:
    """A transaction that no remote start has claimed."""

    transaction_id: int
    station_id: str
    id_token: str
    connector_id: int
    seen_ms: int
    tenant_id: str = DEFAULT_TENANT


def link(
    commands: Sequence[RemoteStart], starts: Sequence[SeenStart]
) -> list[tuple[RemoteStart, SeenStart]]:
    """Return the pairs that belong together."""
    free = sorted(commands, key=lambda command: (command.created_ms, command.command_id))
    pairs: list[tuple[RemoteStart, SeenStart]] = []
    for start in sorted(starts, key=lambda start: (start.seen_ms, start.transaction_id)):
        for command in free:
            if _caused(command, start):
                pairs.append((command, start))
                free.remove(command)
                break
    return pairs


def _caused(command: RemoteStart, start: SeenStart) -> bool:
    return (
        (command.tenant_id, command.station_id) == (start.tenant_id, start.station_id)
        # Releases before kept the blanks around a command's token.
        and token_key(command.id_token) == token_key(start.id_token)
        and command.connector_id in (None, start.connector_id)
        and command.created_ms - CLOCK_TOLERANCE_MS <= start.seen_ms
        and start.seen_ms <= command.created_ms + WINDOW_MS
    )
