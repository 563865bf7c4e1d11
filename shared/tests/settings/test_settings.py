"""Settings are read from the environment and a YAML file, and name what is wrong."""

from pathlib import Path

import pytest

from csms_shared.db.settings import DatabaseSettings
from csms_shared.runtime.settings import (
    SettingsProblem,
    load_settings,
    parse_command,
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CSMS_BROKER_URL", "CSMS_DATABASE_URL", "CSMS_PROBE_PORT", "CSMS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_every_missing_and_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_PROBE_PORT", "many")
    monkeypatch.setenv("CSMS_BROKER_URL", "amqp://user:very-secret@host/")
    with pytest.raises(SettingsProblem) as problem:
        load_settings(DatabaseSettings)
    assert "CSMS_DATABASE_URL: Field required" in str(problem.value)
    assert "CSMS_PROBE_PORT: " in str(problem.value)
    assert "very-secret" not in str(problem.value)


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("broker_url: amqp://file/\ndatabase_url: postgresql://file/\nprobe_port: 1\n")
    monkeypatch.setenv("CSMS_CONFIG_FILE", str(file))
    monkeypatch.setenv("CSMS_PROBE_PORT", "2")
    settings = load_settings(DatabaseSettings)
    assert settings.probe_port == 2
    assert settings.broker_url.get_secret_value() == "amqp://file/"


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_CONFIG_FILE", "/nowhere.yaml")
    with pytest.raises(SettingsProblem, match=r"CSMS_CONFIG_FILE: .*nowhere"):
        load_settings(DatabaseSettings)


@pytest.mark.parametrize("content", [b"probe_port: [1", b"- probe_port", b"\xff\xfe: 1"])
def test_a_file_that_is_no_settings_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_bytes(content)
    monkeypatch.setenv("CSMS_CONFIG_FILE", str(file))
    with pytest.raises(SettingsProblem, match=r"CSMS_CONFIG_FILE: .*settings\.yaml"):
        load_settings(DatabaseSettings)


def test_help_documents_every_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_command("a-service", ["serve"], [DatabaseSettings], ["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name in DatabaseSettings.model_fields:
        assert f"CSMS_{name.upper()}" in text


def test_an_unknown_command_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as ended:
        parse_command("a-service", ["serve"], [DatabaseSettings], ["sreve"])
    assert ended.value.code == 2
