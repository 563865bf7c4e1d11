"""The schema of a tariff in the OpenAPI document of REST is that of the tariffs that are read."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from billing_service.tariffs.domain.reading import InvalidTariff, read_tariff
from billing_service.tariffs.json_schema import components, text

_FILE = Path(__file__).parents[3] / "command-api/src/command_api/http/openapi/tariff.json"
_ENERGY = {"type": "ENERGY", "price": 0.45, "step_size": 1}


def test_the_file_is_as_make_schemas_writes_it() -> None:
    assert _FILE.read_text() == text()


def _documented(tariff: dict[str, Any]) -> bool:
    schemas = components()
    root = {**schemas["OcpiTariff"], "components": {"schemas": schemas}}
    return jsonschema_rs.Draft202012Validator(json.loads(json.dumps(root))).is_valid(tariff)


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({}, True),
        ({"currency": "eur"}, False),
        ({"currency": "XAU"}, False),
        ({"elements": []}, False),
        ({"elements": [{"price_components": []}]}, False),
        ({"elements": [{"price_components": [_ENERGY]}] * 101}, False),
        ({"elements": [{"price_components": [{**_ENERGY, "price": -1}]}]}, False),
        ({"elements": [{"price_components": [{**_ENERGY, "price": "1"}]}]}, False),
        ({"elements": [{"price_components": [{**_ENERGY, "vat": 100.5}]}]}, False),
        (
            {
                "elements": [
                    {"price_components": [_ENERGY], "restrictions": {"start_time": "24:00"}}
                ]
            },
            False,
        ),
        (
            {
                "elements": [
                    {"price_components": [_ENERGY], "restrictions": {"start_time": "23:59"}}
                ]
            },
            True,
        ),
        ({"min_price": {"excl_vat": 1}}, True),
        ({"min_price": 1}, False),
        ({"min_prise": {"excl_vat": 1}}, False),
    ],
)
def test_what_is_documented_is_what_is_read(changes: dict[str, Any], valid: bool) -> None:
    tariff = {"currency": "EUR", "elements": [{"price_components": [_ENERGY]}], **changes}
    assert _documented(tariff) is valid
    if valid:
        read_tariff(tariff)
    else:
        with pytest.raises(InvalidTariff):
            read_tariff(tariff)
