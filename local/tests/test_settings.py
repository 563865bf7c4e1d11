from pathlib import Path

import pytest

from csms_local.errors import StartupError
from csms_local.settings import RunSettings, read_settings


def settings_of(**environ: str) -> RunSettings:
    return read_settings(environ, Path("/programs"))


def test_an_empty_environment_means_loopback_and_the_documented_ports() -> None:
    settings = settings_of()
    assert (settings.bind, settings.ocpp_port, settings.http_port) == ("127.0.0.1", 9000, 8080)
    assert settings.gateways == 2
    assert settings.fsync


@pytest.mark.parametrize(
    ("bind", "unknown"),
    [("127.0.0.1", "accept"), ("::1", "accept"), ("0.0.0.0", "pending"), ("10.1.2.3", "pending")],
)
def test_unknown_stations_are_accepted_on_loopback_only(bind: str, unknown: str) -> None:
    assert settings_of(CSMS_BIND=bind).unknown_stations == unknown


@pytest.mark.parametrize(
    ("bind", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("fe80::1", "[fe80::1]"),
    ],
)
def test_urls_name_an_address_that_can_be_reached(bind: str, host: str) -> None:
    assert settings_of(CSMS_BIND=bind).reachable_host == host


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CSMS_OCPP_PORT", "ninety"),
        ("CSMS_OCPP_PORT", "70000"),
        ("CSMS_HTTP_PORT", "-1"),
        ("CSMS_GATEWAYS", "0"),
        ("CSMS_BIND", "localhost"),
        ("CSMS_UNKNOWN_STATIONS", "maybe"),
        ("CSMS_FSYNC", "perhaps"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(variable: str, value: str) -> None:
    with pytest.raises(StartupError, match=variable):
        settings_of(**{variable: value})


def test_one_port_for_both_purposes_is_refused() -> None:
    with pytest.raises(StartupError, match="CSMS_OCPP_PORT and CSMS_HTTP_PORT"):
        settings_of(CSMS_OCPP_PORT="9000", CSMS_HTTP_PORT="9000")
