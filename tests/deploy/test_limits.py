"""Every limit that is a setting is documented, and reaches the gateways of docker-compose.yml."""

import re

from csms_shared.runtime.settings import PREFIX
from tests.deploy.deployment_files import ROOT, compose_file
from ws_gateway.limit_settings import LimitSettings

LIMITS = {f"{PREFIX}{name.upper()}": name for name in LimitSettings.__annotations__}


def test_every_limit_is_documented_with_its_default() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    documented = dict(re.findall(r"^\| `(CSMS_\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    for variable, name in LIMITS.items():
        default = LimitSettings.model_fields[name].default
        assert float(documented[variable].replace(",", "")) == default


def test_every_limit_that_is_set_for_compose_reaches_every_gateway() -> None:
    services = compose_file()["services"]
    for name in ("gateway-1", "gateway-2"):
        told = services[name]["environment"]
        assert {variable for variable in LIMITS if told.get(variable, "") is None} == set(LIMITS)
