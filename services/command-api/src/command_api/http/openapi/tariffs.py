"""What a tariff is, as billing-service reads it: `make schemas` writes its schema here."""

import importlib.resources
from typing import Any

import orjson

# What has a tariff in it.
_WITH_TARIFFS = ("TariffBody", "TariffView")
_FILE = importlib.resources.files("command_api.http.openapi") / "tariff.json"


def describe_tariffs(document: dict[str, Any]) -> None:
    """Say what a tariff is wherever the document has one."""
    schemas = document["components"]["schemas"]
    schemas |= orjson.loads(_FILE.read_bytes())
    for name in _WITH_TARIFFS:
        schemas[name]["properties"]["tariff"] = {"$ref": "#/components/schemas/OcpiTariff"}
