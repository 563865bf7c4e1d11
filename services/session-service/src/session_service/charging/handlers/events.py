"""The public events of charging profiles."""

from session_service.charging.domain.installed_profiles import AcceptedProfile
from session_service.handling.events import Event, event_of, joined


def charging_profile_told(key: str, accepted: AcceptedProfile) -> Event:
    """Tell that a station took a charging profile, or that it has it no more."""
    profile = accepted.profile
    data = {
        "station_id": accepted.station_id,
        "connector_id": profile.connector_id,
        "profile_id": profile.profile_id,
        "purpose": profile.purpose.value,
        "stack_level": profile.stack_level,
        "transaction_id": profile.transaction_id,
        "command_id": str(accepted.command_id),
        "state": accepted.state.value,
    }
    cause = joined(accepted.command_id, accepted.state.value, profile.transaction_id)
    return event_of(key, accepted.tenant_id, cause, accepted.station_id, data)
