"""What a service with a schema of its own is told of its database."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from csms_shared.db.urls import parse_database_url
from csms_shared.runtime.settings import PREFIX, ServiceSettings


class DatabaseSettings(ServiceSettings):
    """What `<service> serve` is told besides."""

    database_url: SecretStr = Field(
        description="PostgreSQL URL of the service's own least-privilege role, "
        "postgresql://role:password@host:port/database; sslmode, sslrootcert and others as in "
        "libpq (docs/operations.md)"
    )

    @field_validator("database_url")
    @classmethod
    def _is_understood(cls, url: SecretStr) -> SecretStr:
        parse_database_url(url.get_secret_value())
        return url


class MigrationSettings(BaseSettings):
    """What `<service> migrate` is told."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", hide_input_in_errors=True)

    migration_database_url: SecretStr = Field(
        description="PostgreSQL URL of the owner, who may create schemas and roles"
    )
    database_url: SecretStr = Field(
        description="the service's own URL; its role and password are created or brought up to date"
    )

    @field_validator("migration_database_url")
    @classmethod
    def _is_understood(cls, url: SecretStr) -> SecretStr:
        parse_database_url(url.get_secret_value())
        return url

    @field_validator("database_url")
    @classmethod
    def _names_a_role(cls, url: SecretStr) -> SecretStr:
        parsed = parse_database_url(url.get_secret_value())
        if parsed.user is None or parsed.password is None:
            raise ValueError("it must name the service's role and its password")
        return url
