"""The answer to a change of the configuration key SecurityProfile (security whitepaper, A05)."""

from csms_shared.contracts.orders import CompletedCommand
from csms_shared.values.texts import is_storable
from station_registry.credentials.domain.security_profiles import ProfileChange

_KEY = "securityprofile"
# A station that never had the command, or refused it; what is not known may have been accepted.
_NOT_TAKEN = frozenset({"error", "station_offline", "expired"})
_TAKEN = frozenset({"Accepted", "RebootRequired"})


def read_profile_change(command: CompletedCommand) -> ProfileChange | None:
    """Read the end of a ChangeConfiguration; None where it is about another key."""
    key, value = command.payload.get("key"), command.payload.get("value")
    if not isinstance(key, str) or key.casefold() != _KEY or value not in ("0", "1", "2", "3"):
        return None
    if not is_storable(command.station_id):
        return None
    return ProfileChange(command.station_id, int(value), _may_be_taken(command))


def _may_be_taken(command: CompletedCommand) -> bool:
    if command.status == "completed":
        return (command.response or {}).get("status") in _TAKEN
    return command.status not in _NOT_TAKEN
