"""The JSON schema of a tariff, for the OpenAPI document of REST: `make schemas` writes it there."""

import json
import sys
from pathlib import Path
from typing import Any

from billing_service.tariffs.domain.tariff import Tariff

# Names of components in a document that has others beside them.
_COMPONENTS = "#/components/schemas/Ocpi{model}"


def components() -> dict[str, Any]:
    """Return the schemas of a tariff and of its parts, by their names as components."""
    schema = Tariff.model_json_schema(ref_template=_COMPONENTS)
    parts = schema.pop("$defs")
    return {
        f"Ocpi{name}": _without_titles(part) for name, part in {**parts, "Tariff": schema}.items()
    }


def text() -> str:
    """Return them as the text of a file."""
    return json.dumps(components(), indent=1, sort_keys=True) + "\n"


def _without_titles(part: Any) -> Any:
    """Return a schema without what repeats the names of its fields, and without null's defaults."""
    if isinstance(part, list):
        return [_without_titles(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        name: {field: _without_titles(one) for field, one in value.items()}
        if name == "properties"
        else _without_titles(value)
        for name, value in part.items()
        if name not in ("title", "default")
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text())
