"""What billing-service is told."""

from pydantic import Field

from csms_shared.db.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """Settings of billing-service."""

    settle_delay_seconds: float = Field(
        10,
        ge=0,
        le=3600,
        description="seconds from the end of a session to its bill, for values that come late",
    )
