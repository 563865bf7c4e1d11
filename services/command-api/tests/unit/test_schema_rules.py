"""What the document says of fields beside each other is what the routes check."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from command_api.http.requests.schema_rules import NOT_BLANK
from command_api.http.routes.job_bodies import NewFirmwareJob, firmware_job
from command_api.http.routes.rollouts import NewRollout, Which
from command_api.http.routes.users import UserChange
from command_api.ocpp.v16.jobs import job_request
from csms_shared.contracts.refusals import ProblemRaised

Body = dict[str, Any]

_AT = "https://firmware.example/2.0.bin"
_PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
_SIGNED = {"location": _AT, "signing_certificate": _PEM, "signature": "c2lnbg=="}
_ROLLOUT = {"name": "2.0", "location": _AT, "station_ids": ["S1"]}
_LATER = "2099-01-01T00:00:00Z"


@given(st.text(alphabet=st.characters(categories=["Z", "Cc"]) | st.just("x"), max_size=3))
def test_a_text_is_not_blank_where_something_is_left_of_it(text: str) -> None:
    pattern = jsonschema_rs.Draft202012Validator({"type": "string", "pattern": NOT_BLANK})
    assert pattern.is_valid(text) == (bool(text.strip()) and "\0" not in text)


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({"location": _AT}, True),
        ({"location": _AT, "signature": None, "install_at": None}, True),
        ({"location": "no address"}, False),
        ({"location": _AT, "install_at": _LATER}, False),
        ({"location": _AT, "signature": "c2lnbg=="}, False),
        ({"location": _AT, "signing_certificate": _PEM}, False),
        (_SIGNED, True),
        ({**_SIGNED, "install_at": _LATER}, True),
        ({**_SIGNED, "location": "no address"}, False),
        ({**_SIGNED, "signature": ""}, False),
        ({**_SIGNED, "signature": " \n"}, False),
        ({**_SIGNED, "signature": "!"}, False),
        ({**_SIGNED, "signature": "c2lnbg"}, False),
        ({**_SIGNED, "signature": "c2lnbmF0dXJl"}, True),
        ({**_SIGNED, "signature": "c2lnbmE="}, True),
        ({**_SIGNED, "signing_certificate": "x"}, False),
    ],
)
def test_a_firmware_job_is_documented_as_it_is_checked(body: Body, valid: bool) -> None:
    assert _documented(NewFirmwareJob, body) is valid
    assert _taken(body) is valid


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        (_ROLLOUT, True),
        ({**_ROLLOUT, "filter": None}, True),
        ({**_ROLLOUT, "station_ids": None, "filter": {"vendor": "V"}}, True),
        ({**_ROLLOUT, "filter": {"vendor": "V"}}, False),
        ({**_ROLLOUT, "station_ids": None}, False),
        ({**_ROLLOUT, "signature": "c2lnbg=="}, False),
    ],
)
def test_a_rollout_is_to_stations_or_by_a_filter(body: Body, valid: bool) -> None:
    assert _documented(NewRollout, body) is valid


@pytest.mark.parametrize(
    ("model", "body", "valid"),
    [
        (Which, {"vendor": "V"}, True),
        (Which, {"vendor": None, "model": "M"}, True),
        (Which, {}, False),
        (Which, {"vendor": None}, False),
        (UserChange, {"role": "viewer"}, True),
        (UserChange, {"role": None, "password": "long enough"}, True),
        (UserChange, {}, False),
        (UserChange, {"role": None}, False),
    ],
)
def test_something_is_given(model: type, body: Body, valid: bool) -> None:
    assert _documented(model, body) is valid


def _documented(model: type, body: Body) -> bool:
    schema = TypeAdapter(model).json_schema()
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(body)


def _taken(body: Body) -> bool:
    try:
        job_request(firmware_job(NewFirmwareJob.model_validate(body)))
    except (ProblemRaised, ValidationError):
        return False
    return True
