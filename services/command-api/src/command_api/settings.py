"""What command-api is told."""

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from command_api.uploads.domain.places import BucketAccess, parse_upload_place
from csms_shared.db.settings import DatabaseSettings
from csms_shared.values.trusted_proxies import Networks


class CommandApiSettings(DatabaseSettings):
    """Settings of `command-api serve`."""

    http_port: int = Field(8080, ge=0, le=65535, description="port of REST and the console")
    trusted_proxies: Networks = Field(
        "",
        description="addresses or networks, by comma, whose X-Forwarded-For and "
        "X-Forwarded-Proto count",
    )
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
    upload_store: str | None = Field(
        None,
        description="where uploads are kept, the same for every replica: file:///folder or "
        "s3://bucket/prefix",
    )
    upload_s3_endpoint: str | None = Field(
        None,
        pattern="^https?://[^/]",
        description="URL of an S3-compatible store, https://host:port; without it that of AWS",
    )
    upload_s3_region: str = Field("us-east-1", min_length=1, description="region of the bucket")
    upload_s3_access_key_id: str | None = Field(
        None,
        min_length=1,
        description="key of the bucket; without it what AWS_... or the machine's role say",
    )
    upload_s3_secret_access_key: SecretStr | None = Field(
        None, min_length=1, validate_default=True, description="secret of the key"
    )
    upload_max_mb: int = Field(100, ge=1, le=10_000, description="largest upload in MiB")
    upload_retention_days: int = Field(90, ge=1, le=3650, description="how long uploads are kept")
    command_retention_days: int = Field(
        400, ge=8, le=3650, description="days that commands are kept after their end"
    )
    audit_retention_days: int = Field(
        400, ge=1, le=3650, description="days that the audit of changes is kept"
    )
    min_password_length: int = Field(
        16, ge=1, le=40, description="least length of a station's password"
    )

    login_attempts: int = Field(
        10,
        ge=1,
        le=1_000_000,
        description="how often a user's password may be wrong from one address before each "
        "further try has to wait (429)",
    )
    login_window_seconds: float = Field(
        300,
        ge=1,
        le=86_400,
        description="longest of these waits, and after how long without a wrong password as many "
        "are free again",
    )

    @field_validator("upload_store")
    @classmethod
    def _is_a_place(cls, url: str | None) -> str | None:
        if url is not None:
            parse_upload_place(url)
        return url

    @field_validator("upload_s3_secret_access_key")
    @classmethod
    def _goes_with_its_key(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        given = [secret is not None, info.data.get("upload_s3_access_key_id") is not None]
        if any(given) and not all(given):
            raise ValueError("goes with CSMS_UPLOAD_S3_ACCESS_KEY_ID: set both or neither")
        return secret

    def bucket_access(self) -> BucketAccess:
        """Return how the bucket is reached, if `upload_store` is one."""
        return BucketAccess(
            endpoint=self.upload_s3_endpoint,
            region=self.upload_s3_region,
            access_key_id=self.upload_s3_access_key_id,
            secret_access_key=self.upload_s3_secret_access_key,
        )
