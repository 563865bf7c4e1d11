"""What integration-service is told."""

from pydantic import Field

from csms_shared.db.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """Settings of integration-service."""

    event_retention_days: int = Field(
        30, ge=1, le=3650, description="days that events are kept after they were stored"
    )
    measurement_retention_days: int = Field(
        7,
        ge=1,
        le=3650,
        description="days that events of measurements are kept: meter_values.received and "
        "station.heartbeat",
    )
