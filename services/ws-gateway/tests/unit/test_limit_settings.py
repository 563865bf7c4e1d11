"""The limits as settings: what they mean, and what an operator is told who sets them wrong."""

import pytest

from csms_shared.runtime.settings import SettingsProblem, load_settings
from ws_gateway.domain.limits import DEFAULT_ENTRY_LIMITS, DEFAULT_LIMITS, EntryLimits, Limits
from ws_gateway.limit_settings import LimitSettings
from ws_gateway.settings import GatewaySettings

OTHERS = {
    "CSMS_CONNECTIONS_AT_ONCE": ("11", "connections_at_once", 11),
    "CSMS_CONNECTION_INTERVAL_SECONDS": ("0", "connection_interval_s", 0.0),
    "CSMS_FAILED_LOGINS_AT_ONCE": ("12", "failed_logins_at_once", 12),
    "CSMS_FAILED_LOGIN_INTERVAL_SECONDS": ("0.5", "failed_login_interval_s", 0.5),
    "CSMS_UNKNOWN_IDS_AT_ONCE": ("13", "unknown_ids_at_once", 13),
    "CSMS_UNKNOWN_ID_INTERVAL_SECONDS": ("0.5", "unknown_id_interval_s", 0.5),
    "CSMS_ADMISSIONS_PER_SECOND": ("50", "admissions_per_s", 50.0),
    "CSMS_ADMISSION_WAIT_SECONDS": ("20", "admission_wait_s", 20.0),
    "CSMS_REFUSED_IDS_PER_ADDRESS": ("5000", "refused_ids_per_address", 5000),
    "CSMS_FRAMES_PER_SECOND": ("500", "frames_per_s", 500.0),
    "CSMS_QUEUED_CALLS": ("100", "queued_calls", 100),
    "CSMS_QUEUED_CALLS_KIB": ("10", "queued_bytes", 10_240),
    "CSMS_QUEUED_COMMANDS": ("200", "queued_commands", 200),
    "CSMS_REMEMBERED_COMMANDS": ("9000", "remembered_commands", 9000),
    "CSMS_UNANSWERED_COMMANDS": ("1000", "unanswered_commands", 1000),
    "CSMS_TRIGGERS_AT_ONCE": ("1", "triggers_at_once", 1),
    "CSMS_TRIGGER_INTERVAL_SECONDS": ("0", "trigger_interval_s", 0.0),
    "CSMS_PING_INTERVAL_SECONDS": ("5", "ping_interval_s", 5.0),
}


@pytest.fixture(autouse=True)
def _required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_BROKER_URL", "amqp://csms:x@127.0.0.1/")
    monkeypatch.setenv("CSMS_CREDENTIAL_PEPPER", "a pepper for the tests")
    monkeypatch.setenv("CSMS_PROBE_PORT", "0")


def test_what_is_not_set_is_as_ever() -> None:
    settings = load_settings(GatewaySettings)
    assert settings.limits() == DEFAULT_LIMITS
    assert settings.entry_limits() == DEFAULT_ENTRY_LIMITS


def test_every_limit_that_is_a_setting_takes_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    own = LimitSettings.__annotations__
    assert {f"CSMS_{name.upper()}" for name in own} == set(OTHERS)
    for variable, (text, _, _) in OTHERS.items():
        monkeypatch.setenv(variable, text)
    settings = load_settings(GatewaySettings)
    parts: tuple[Limits | EntryLimits, ...] = (settings.limits(), settings.entry_limits())
    for _, field, value in OTHERS.values():
        assert [getattr(part, field) for part in parts if hasattr(part, field)] == [value]


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *((name, "-1") for name in OTHERS),
        *((name, "many") for name in OTHERS),
        ("CSMS_CONNECTIONS_AT_ONCE", "0"),
        # Guessing passwords is never free.
        ("CSMS_FAILED_LOGIN_INTERVAL_SECONDS", "0"),
        ("CSMS_UNKNOWN_ID_INTERVAL_SECONDS", "0"),
        ("CSMS_ADMISSION_WAIT_SECONDS", "31"),
        ("CSMS_REMEMBERED_COMMANDS", "15"),
    ],
)
def test_a_wrong_one_ends_the_start_with_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsProblem) as problem:
        load_settings(GatewaySettings)
    assert str(problem.value).startswith(f"{variable}: ")


def test_more_commands_may_not_wait_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_QUEUED_COMMANDS", "300")
    with pytest.raises(SettingsProblem, match=r"CSMS_REMEMBERED_COMMANDS: .*CSMS_QUEUED_COMMANDS"):
        load_settings(GatewaySettings)
