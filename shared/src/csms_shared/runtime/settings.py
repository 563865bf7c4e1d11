"""Settings of a service: environment variables first, then a YAML file, all named at start-up."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

import yaml
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

PREFIX = "CSMS_"
CONFIG_FILE_VARIABLE = "CSMS_CONFIG_FILE"


class ServiceSettings(BaseSettings):
    """What every service is told.

    The YAML file named by `CSMS_CONFIG_FILE` uses the variables' names in lower case without
    `CSMS_`; the environment wins.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", hide_input_in_errors=True)

    broker_url: SecretStr = Field(description="AMQP URL of RabbitMQ, amqp://user:password@host/")
    bind: str = Field("127.0.0.1", description="address that every port of the service listens on")
    probe_port: int = Field(
        ge=0, le=65535, description="port of /healthz, /readyz and /metrics; 0 takes a free one"
    )
    log_format: Literal["json", "console"] = Field("json", description="json or console")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least severe level that is logged"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment, then the YAML file; nothing else."""
        path = os.environ.get(CONFIG_FILE_VARIABLE)
        if path is None:
            return init_settings, env_settings
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, Path(path))


Settings = TypeVar("Settings", bound=BaseSettings)


class SettingsProblem(Exception):
    """What an operator has to mend before a start; the message names each variable."""


def load_settings(model: type[Settings]) -> Settings:
    """Read the settings.

    Raises:
        SettingsProblem: one line for each missing or wrong variable.
    """
    path = os.environ.get(CONFIG_FILE_VARIABLE)
    if path is not None:
        _check_file(Path(path))
    try:
        return model()
    except ValidationError as error:
        lines = [
            f"{PREFIX}{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsProblem("\n".join(lines)) from None


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise SettingsProblem(f"{CONFIG_FILE_VARIABLE}: there is no file {path}")
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SettingsProblem(f"{CONFIG_FILE_VARIABLE}: {path} can't be read: {error}") from None
    if not isinstance(content, dict | None):
        raise SettingsProblem(f"{CONFIG_FILE_VARIABLE}: {path} holds no settings by name")


def describe_settings(*models: type[BaseSettings]) -> str:
    """Return one line per variable: name, what it is, default."""
    fields: dict[str, Any] = {}
    for model in models:
        fields.update(model.model_fields)
    lines = [
        f"  {PREFIX}{name.upper()}\n      {field.description}"
        + (" (required)" if field.is_required() else f" (default: {_shown(field.default)})")
        for name, field in sorted(fields.items())
    ]
    lines.append(f"  {CONFIG_FILE_VARIABLE}\n      YAML file with the same settings (optional)")
    return "\n".join(lines)


def _shown(default: Any) -> str:
    return "none" if default is None or default == "" else str(default)


def parse_command(
    service: str,
    commands: Sequence[str],
    models: Sequence[type[BaseSettings]],
    arguments: Sequence[str] | None = None,
) -> str:
    """Return the sub-command to run, or print help or a usage error and exit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    usage = f"usage: {service} {{{','.join(commands)}}}"
    if any(argument in ("-h", "--help") for argument in given):
        sys.stdout.write(f"{usage}\n\nSettings (environment):\n{describe_settings(*models)}\n")
        raise SystemExit(0)
    if len(given) != 1 or given[0] not in commands:
        exit_with(f"{usage}\ntry: {service} --help", 2)
    return given[0]


def exit_with(message: str, code: int = 1) -> NoReturn:
    """Print `message` on standard error and end the process."""
    sys.stderr.write(message.rstrip() + "\n")
    raise SystemExit(code)
