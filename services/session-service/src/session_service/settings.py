"""What session-service is told."""

from pydantic import Field

from csms_shared.db.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """Settings of session-service."""

    meter_value_retention_days: int = Field(
        400, ge=1, description="days that meter values are kept after they were received"
    )
    stop_retention_days: int = Field(
        400, ge=8, description="days that stops are kept as the stations sent them"
    )
    quarantine_retention_days: int = Field(
        400, ge=1, description="days that items in quarantine are kept that are not open any more"
    )
    free_vend: bool = Field(
        False,
        description="accept blank id tags: stations that send them charge for nobody's account",
    )
