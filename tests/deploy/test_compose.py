"""docker-compose.yml, the balancer's configuration and the images' recipes."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from csms_shared.service.ending import SERVICE_ENDS_WITHIN_S
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
from ws_gateway.process import CLOSED_S, END_S
from ws_gateway.websocket.tls_files import CIPHERS

COMPOSE = compose_file()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name for name, service in SERVICES.items() if service_of(service["image"])}
GATEWAYS = {name for name in OWN if service_of(SERVICES[name]["image"]) == "ws-gateway"}
TEXT = (ROOT / "docker-compose.yml").read_text()
PASSED_ON, ENDED, SIGNER = (f"docker-compose.{name}.yml" for name in ("tls", "tls-proxy", "signer"))
BESIDES = sorted(path.name for path in ROOT.glob("docker-compose.*.yml"))
HAPROXY = ROOT / "deploy" / "haproxy"
_SECRET = "PASSWORD$|PASSPHRASE$|SECRET$|PEPPER$|SIGNER_TOKEN$"
_LAST_ANSWERS_S = 10
_REPLACEMENT_S = 60


def test_every_secret_is_required_and_made_by_the_script(tmp_path: Path) -> None:
    used = set(re.findall(r"\$\{(\w+)", TEXT))
    secret = {name for name in used if re.search(_SECRET, name)}
    required = set(re.findall(r"\$\{(\w+):\?\}", TEXT))
    assert required == secret
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


@pytest.mark.parametrize("besides", BESIDES)
def test_no_secret_has_a_default(besides: str) -> None:
    text = (ROOT / besides).read_text()
    for name, rest in re.findall(r"\$\{(\w+)([^}]*)\}", TEXT + text):
        assert rest == ":?" or not re.search(_SECRET, name)


@pytest.mark.parametrize("besides", BESIDES)
def test_a_file_besides_gives_a_service_what_it_knows_and_mounts_what_it_names(
    besides: str,
) -> None:
    services = compose_file(besides)["services"]
    assert set(services) == set(SERVICES)
    for service in services.values():
        model = settings_model(service["image"], service.get("command", []))
        if model is None:
            continue
        assert set(service["environment"]) <= variables(model)
        mounted = [
            one["target"] if isinstance(one, dict) else one.split(":")[1]
            for one in service.get("volumes", [])
        ]
        for value in service["environment"].values():
            path = re.fullmatch(r"(?:\$\{\w+-)?(/[^}]*)\}?", value or "")
            assert path is None or path[1].startswith(tuple(mounted))


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


@pytest.mark.parametrize("besides", [None, *BESIDES])
def test_only_stations_and_operators_can_come_in_and_only_from_this_machine_by_default(
    besides: str | None,
) -> None:
    compose = compose_file(*[besides] if besides else [])
    published = {
        name: service["ports"]
        for name, service in compose["services"].items()
        if "ports" in service
    }
    by_tls = ["${CSMS_BIND:-127.0.0.1}:${CSMS_OCPP_TLS_PORT:-9443}:9443"]
    assert published == {
        "haproxy": [
            "${CSMS_BIND:-127.0.0.1}:${CSMS_OCPP_PORT:-9000}:9000",
            *(by_tls if besides in (PASSED_ON, ENDED) else []),
        ],
        "command-api": ["${CSMS_BIND:-127.0.0.1}:${CSMS_HTTP_PORT:-8080}:8080"],
    }
    assert compose["networks"]["backend"]["internal"] is True


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
        assert grace > drain + END_S + CLOSED_S


def test_a_service_ends_itself_before_it_is_killed() -> None:
    for name in OWN - GATEWAYS:
        if name.startswith("migrate-"):
            continue
        grace = float(SERVICES[name]["stop_grace_period"].removesuffix("s"))
        assert grace > SERVICE_ENDS_WITHIN_S


def test_a_container_that_waits_for_another_to_be_replaced_stays_healthy() -> None:
    for name in {*OWN, "haproxy"}:
        check = SERVICES[name]["healthcheck"]
        if not check.get("disable"):
            patience = float(check["interval"].removesuffix("s")) * check["retries"]
            assert patience >= _REPLACEMENT_S


def test_the_documented_upgrade_replaces_every_container_of_ours_once() -> None:
    page = (ROOT / "docs" / "compose.md").read_text()
    commands = re.findall(r"^    docker compose up -d --wait ?([^#\n]*)", page, re.MULTILINE)
    named = [name for command in commands for name in command.split()]
    # With --no-deps a container counts as changed at the next `up`.
    assert sorted(named) == sorted(name for name in OWN if not name.startswith("migrate-"))


def test_a_restore_stops_all_that_needs_what_it_replaces() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    [named] = re.findall(r"`docker compose stop ([^`]+)`", page)
    # haproxy too: unhealthy without a gateway, it would end the `up --wait` that follows.
    left = {"rabbitmq", "postgres", *(name for name in SERVICES if name.startswith("migrate-"))}
    assert set(named.split()) == set(SERVICES) - left


def test_haproxy_balances_over_every_gateway_and_passes_no_forwarded_header_on() -> None:
    config = (HAPROXY / "haproxy.cfg").read_text()
    servers = dict(re.findall(r"^    server (\S+) (\S+)$", config, re.MULTILINE))
    assert servers == {name: f"{name}:9000" for name in GATEWAYS}
    assert "option httpchk GET /readyz" in config
    assert "http-request del-header X-Forwarded- -m beg" in config
    assert "http-request del-header Forwarded" in config
    found = re.search(r"maxconn (\d+)", config)
    assert found is not None
    assert 2 * int(found[1]) < SERVICES["haproxy"]["ulimits"]["nofile"]


def test_tls_is_passed_on_to_every_gateway_with_the_word_of_who_connects() -> None:
    services = compose_file(PASSED_ON)["services"]
    config = (HAPROXY / "tls-passed-on.cfg").read_text()
    servers = dict(re.findall(r"^    server (\S+) (\S+) track gateways/\1$", config, re.MULTILINE))
    for name in GATEWAYS:
        told = services[name]["environment"]
        assert servers.pop(name) == f"{name}:{told['CSMS_TLS_PORT']}"
        # Without it, headers that a station sends inside its TLS would count as the balancer's.
        assert told["CSMS_TLS_PROXY_PROTOCOL"] == "true"
    assert not servers
    assert config.count("send-proxy-v2") == 1
    assert config.count("mode tcp") == 2


def test_where_tls_ends_at_haproxy_no_header_of_a_client_passes() -> None:
    lines = [line.strip() for line in (HAPROXY / "tls-ended.cfg").read_text().splitlines()]
    first_set = min(n for n, line in enumerate(lines) if line.startswith("http-request set-header"))
    for removed in ("X-Forwarded- -m beg", "Forwarded", "Client-Cert"):
        assert lines.index(f"http-request del-header {removed}") < first_set
    assert "http-request set-header Client-Cert :%[ssl_c_der,base64]: if { ssl_c_used }" in lines
    [bind] = (line for line in lines if line.startswith("bind "))
    assert f"ciphers {CIPHERS}" in bind
    for asked in ("crl-file ", "verify optional", "ssl-min-ver TLSv1.2", "no-tls-tickets"):
        assert asked in bind


def test_the_signer_is_asked_in_place_of_the_built_in_authority() -> None:
    registry = compose_file(SIGNER)["services"]["station-registry"]
    assert registry["environment"]["CSMS_CA_FOLDER"] is None
    assert registry["networks"] == ["backend", "signer"]


@pytest.mark.parametrize("service", sorted(SETTINGS))
def test_an_image_is_built_from_hashed_locks_and_runs_as_nobody_special(service: str) -> None:
    recipe = (ROOT / "services" / service / "Dockerfile").read_text()
    assert recipe.count("FROM python:3.12-slim") == recipe.count("FROM ") == 2
    assert f"--require-hashes requirements/{service}.txt" in recipe
    assert "\nUSER 10001\n" in recipe
    assert "\nHEALTHCHECK " in recipe
    assert f'\nENTRYPOINT ["{service}"]\nCMD ["serve"]' in recipe
    assert not recipe.startswith("# syntax")
