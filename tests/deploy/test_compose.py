"""docker-compose.yml, the balancer's configuration and the images' recipes."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.deployment_files import (
    ROOT,
    SETTINGS,
    compose_file,
    run_script,
    service_of,
    settings_model,
    variable_file,
    variables,
)

COMPOSE = compose_file()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name for name, service in SERVICES.items() if service_of(service["image"])}
GATEWAYS = {name for name in OWN if service_of(SERVICES[name]["image"]) == "ws-gateway"}
TEXT = (ROOT / "docker-compose.yml").read_text()
_LAST_ANSWERS_S = 10


def test_every_secret_is_required_and_made_by_the_script(tmp_path: Path) -> None:
    used = set(re.findall(r"\$\{(\w+)[^}]*\}", TEXT))
    secret = {name for name in used if re.search("PASSWORD$|SECRET$|PEPPER$", name)}
    required = set(re.findall(r"\$\{(\w+):\?\}", TEXT))
    assert required == secret
    assert not re.findall(r"\$\{\w*(?:PASSWORD|SECRET|PEPPER)\}", TEXT)
    (tmp_path / "deploy").mkdir()
    script = Path(shutil.copy(ROOT / "deploy" / "new-env", tmp_path / "deploy"))
    run_script(script)
    made = variable_file(tmp_path / ".env")
    assert set(made) == secret
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in made.values())
    assert len(set(made.values())) == len(made)
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_service_gets_variables_that_it_knows_and_all_that_it_needs(name: str) -> None:
    service = SERVICES[name]
    model = settings_model(service["image"], service.get("command", []))
    assert model is not None
    given = set(service["environment"])
    assert given <= variables(model)
    assert given >= variables(model, required=True)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_container_is_pinned_confined_and_limited(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z/-]+:[\w.-]*\d[\w.-]*", service["image"])
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]
    assert service["restart"] == ("no" if name.startswith("migrate-") else "unless-stopped")
    assert name.startswith("migrate-") or service["healthcheck"]["test"]
    if name in OWN:
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]


def test_only_stations_and_operators_can_come_in_and_only_from_this_machine_by_default() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "haproxy": ["${CSMS_BIND:-127.0.0.1}:${CSMS_OCPP_PORT:-9000}:9000"],
        "command-api": ["${CSMS_BIND:-127.0.0.1}:${CSMS_HTTP_PORT:-8080}:8080"],
    }
    assert COMPOSE["networks"]["backend"]["internal"] is True


def test_whatever_is_trusted_as_a_proxy_is_haproxy_or_a_gateway() -> None:
    subnet = COMPOSE["networks"]["edge"]["ipam"]["config"][0]["subnet"]
    on_the_edge = {name for name, service in SERVICES.items() if "edge" in service["networks"]}
    assert on_the_edge == {*GATEWAYS, "haproxy"}
    for name in GATEWAYS:
        assert SERVICES[name]["environment"]["CSMS_TRUSTED_PROXIES"] == subnet


def test_each_schema_is_migrated_before_its_service_starts() -> None:
    for name in OWN - GATEWAYS:
        if name.startswith("migrate-"):
            continue
        migration = SERVICES[f"migrate-{name}"]
        assert migration["image"] == SERVICES[name]["image"]
        database = SERVICES[name]["environment"]["CSMS_DATABASE_URL"]
        assert migration["environment"]["CSMS_DATABASE_URL"] == database
        waits_for = SERVICES[name]["depends_on"][f"migrate-{name}"]
        assert waits_for == {"condition": "service_completed_successfully"}


def test_a_gateway_may_drain_before_it_is_killed() -> None:
    for name in GATEWAYS:
        drain = float(SERVICES[name]["environment"]["CSMS_DRAIN_SECONDS"])
        grace = float(SERVICES[name]["stop_grace_period"].removesuffix("s"))
        assert grace >= drain + _LAST_ANSWERS_S


def test_haproxy_balances_over_every_gateway_and_passes_no_forwarded_header_on() -> None:
    config = (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text()
    servers = dict(re.findall(r"^    server (\S+) (\S+)$", config, re.MULTILINE))
    assert servers == {name: f"{name}:9000" for name in GATEWAYS}
    assert "option httpchk GET /readyz" in config
    assert "http-request del-header X-Forwarded- -m beg" in config
    assert "http-request del-header Forwarded" in config
    found = re.search(r"maxconn (\d+)", config)
    assert found is not None
    assert 2 * int(found[1]) < SERVICES["haproxy"]["ulimits"]["nofile"]


@pytest.mark.parametrize("service", sorted(SETTINGS))
def test_an_image_is_built_from_hashed_locks_and_runs_as_nobody_special(service: str) -> None:
    recipe = (ROOT / "services" / service / "Dockerfile").read_text()
    assert recipe.count("FROM python:3.12-slim") == recipe.count("FROM ") == 2
    assert f"--require-hashes requirements/{service}.txt" in recipe
    assert "\nUSER 10001\n" in recipe
    assert "\nHEALTHCHECK " in recipe
    assert f'\nENTRYPOINT ["{service}"]\nCMD ["serve"]' in recipe
    assert not recipe.startswith("# syntax")
