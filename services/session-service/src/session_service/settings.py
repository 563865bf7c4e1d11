"""What session-service is told."""

from pydantic import Field

from csms_shared.db.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """Settings of session-service."""

    meter_value_retention_days: int = Field(
        400, ge=1, description="days that meter values are kept after they were received"
    )
    free_vend: bool = Field(
        False,
        description="accept blank id tags: stations that send them charge for nobody's account",
    )
