"""What command-api is told."""

from pathlib import Path

from pydantic import Field, SecretStr

from csms_shared.settings import DatabaseSettings


class CommandApiSettings(DatabaseSettings):
    """Settings of `command-api serve`."""

    http_port: int = Field(8080, ge=0, le=65535, description="port of REST and the console")
    admin_password: SecretStr | None = Field(
        None,
        min_length=1,
        description="password of the first administrator, `admin`; required at first start",
    )
    token_secret: SecretStr = Field(
        min_length=32, description="secret that signs log-in tokens; the same in every replica"
    )
    credential_pepper: SecretStr = Field(
        min_length=16,
        description="secret of the proofs of stations' passwords; the same in every gateway",
    )
    public_url: str | None = Field(
        None,
        pattern="^https?://",
        max_length=300,
        description="where stations reach this service's uploads, https://host",
    )
    upload_folder: Path | None = Field(
        None, description="folder of what stations upload; the same for every replica"
    )
    upload_max_mb: int = Field(100, ge=1, le=10_000, description="largest upload in MiB")
    upload_retention_days: int = Field(90, ge=1, le=3650, description="how long uploads are kept")
    min_password_length: int = Field(
        16, ge=1, le=40, description="least length of a station's password"
    )
