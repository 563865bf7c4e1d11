"""Settings of certificate signing: one way to sign, or none, and the rest refused at the start."""

from typing import Any

import pytest
from pydantic import ValidationError

from station_registry.settings import RegistrySettings

NEEDED: dict[str, Any] = {
    "broker_url": "amqp://a:b@127.0.0.1/",
    "database_url": "postgresql://a:b@127.0.0.1/c",
    "probe_port": 0,
}
FOLDER = {"ca_folder": "ca", "ca_passphrase": "a passphrase of tests"}


def settings(**given: Any) -> RegistrySettings:
    return RegistrySettings(**NEEDED, **given)


@pytest.mark.parametrize(
    ("given", "ready"),
    [
        ({}, False),
        (FOLDER, True),
        ({"signer_url": "https://ca.example/sign"}, True),
        ({"signer_url": "http://127.0.0.1:8000/sign"}, True),
    ],
)
def test_a_registry_signs_where_it_is_told_how(given: dict[str, Any], ready: bool) -> None:
    assert settings(**given, operator_name="Operator").signing().ready is ready


@pytest.mark.parametrize(
    "given",
    [
        {"ca_folder": "ca"},
        {**FOLDER, "ca_passphrase": "short"},
        {**FOLDER, "signer_url": "https://ca.example/"},
        {"signer_url": "http://ca.example/"},
        {"signer_url": "https://"},
        {"signer_url": "file:///etc/passwd"},
        {"certificate_days": 30, "certificate_renewal_days": 30},
        {"operator_name": "x" * 65},
    ],
)
def test_settings_that_can_not_be_meant_end_the_start(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**given)
