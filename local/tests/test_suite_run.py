"""`csms-run` with real nodes, a real balancer, and fakes in the place of the six services."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csms_local import run
from csms_local.errors import StartupError
from csms_local.leftovers import start_time
from csms_local.nodes.ports import free_port
from csms_local.run_state import RunState
from csms_local.suite import Suite, start_suite

FAST = {"CSMS_FSYNC": "off"}
CSMS_RUN = Path(sys.executable).parent / "csms-run"


# Of a machine with much else to do.
WITHIN_S = 90.0


def wait_for(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)


def ask(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.replace("ws://", "http://"), timeout=WITHIN_S) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def environment_of(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def children_of(suite: Suite) -> list[int]:
    return [int(pid) for pid in json.loads((suite.home / "children.json").read_text())]


def all_gone(pids: list[int]) -> bool:
    return all(start_time(pid) is None for pid in pids)


def is_frozen(pid: int) -> bool:
    """Tell whether all threads have stopped: one that runs may still accept a connection."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    states = {(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks}
    return states == {"T"}


def test_run_json_has_the_documented_fields_and_is_private(suite: Suite) -> None:
    content = json.loads(suite.run_file.read_text())
    assert set(content) == {
        "ocpp_url",
        "rest_url",
        "admin_username",
        "admin_password",
        "gateways",
        "services",
        "broker_url",
        "database_url",
    }
    assert set(content["services"]) == {
        "station-registry",
        "session-service",
        "command-api",
        "integration-service",
        "billing-service",
        "broker",
        "database",
    }
    assert [set(gateway) for gateway in content["gateways"]] == [{"id", "pid", "ocpp_url"}] * 2
    assert (content["admin_username"], content["admin_password"]) == (
        "admin",
        "the-first-password",
    )
    assert suite.run_file.stat().st_mode & 0o777 == 0o600


def test_the_ready_line_lists_urls_and_credentials(suite: Suite) -> None:
    ready = [line for line in suite.console.read_text().splitlines() if "ready: " in line]
    assert len(ready) == 1
    state = suite.state()
    for part in (state.ocpp_url, f"{state.rest_url}/docs", "admin", state.admin_password):
        assert part in ready[0]


def test_each_service_gets_its_own_role_and_only_the_secrets_it_needs(suite: Suite) -> None:
    services = suite.state().services
    registry = environment_of(services["station-registry"])
    sessions = environment_of(services["session-service"])
    api = environment_of(services["command-api"])
    integration = environment_of(services["integration-service"])
    billing = environment_of(services["billing-service"])
    gateway = environment_of(suite.state().gateways[0].pid)
    roles = [
        env["CSMS_DATABASE_URL"].split("//")[1].split(":")[0]
        for env in (registry, sessions, api, integration, billing)
    ]
    assert roles == [
        "csms_registry",
        "csms_session",
        "csms_command",
        "csms_integration",
        "csms_billing",
    ]
    assert registry["CSMS_UNKNOWN_STATIONS"] == "accept"
    assert registry["CSMS_BOOT_POLICY"] == "pending"
    assert api["CSMS_ADMIN_PASSWORD"] == "the-first-password"
    assert "CSMS_DATABASE_URL" not in gateway
    assert "CSMS_TOKEN_SECRET" not in gateway
    assert "CSMS_ADMIN_PASSWORD" not in registry
    assert "CSMS_CREDENTIAL_PEPPER" not in integration
    assert "CSMS_CREDENTIAL_PEPPER" not in billing
    assert (
        registry["CSMS_CREDENTIAL_PEPPER"]
        == api["CSMS_CREDENTIAL_PEPPER"]
        == gateway["CSMS_CREDENTIAL_PEPPER"]
    )
    everyone = (registry, sessions, api, integration, gateway)
    assert all("CSMS_MIGRATION_DATABASE_URL" not in env for env in everyone)


def test_both_gateways_answer_on_the_balanced_port_and_on_their_own(suite: Suite) -> None:
    state = suite.state()
    pids = {gateway.pid for gateway in state.gateways}
    seen: set[int] = set()
    for _ in range(200):  # On a shared socket the kernel chooses, and not in turn.
        seen.add(ask(f"{state.ocpp_url}/S1")["pid"])
        if seen >= pids:
            break
    assert seen == pids
    assert [ask(gateway.ocpp_url)["pid"] for gateway in state.gateways] == [
        gateway.pid for gateway in state.gateways
    ]


def test_a_forged_client_address_never_reaches_a_gateway_that_trusts_it(suite: Suite) -> None:
    request = urllib.request.Request(
        suite.state().ocpp_url.replace("ws://", "http://"), headers={"X-Forwarded-For": "6.6.6.6"}
    )
    with urllib.request.urlopen(request, timeout=WITHIN_S) as response:
        answer = json.load(response)
    headers = {name.lower(): text for name, text in answer["headers"].items()}
    trusted = answer["env"].get("CSMS_TRUSTED_PROXIES")
    assert (trusted, headers["x-forwarded-for"]) in [
        ("127.0.0.1", "127.0.0.1"),  # behind haproxy, which replaced it
        (None, "6.6.6.6"),  # on the shared socket, where nobody is trusted
    ]


@pytest.mark.parametrize(
    "name", ["session-service", "integration-service", "broker", "database", "gateway-2"]
)
def test_a_killed_process_is_replaced_and_run_json_rewritten(suite: Suite, name: str) -> None:
    def pid_of(state: RunState) -> int:
        return ({gateway.id: gateway.pid for gateway in state.gateways} | state.services)[name]

    before = suite.state()
    os.kill(pid_of(before), signal.SIGKILL)
    wait_for(lambda: pid_of(suite.state()) != pid_of(before))
    wait_for(lambda: f"{name} is ready again" in suite.console.read_text())
    after = suite.state()
    assert not Path(f"/proc/{pid_of(before)}").exists()
    assert f"{name} ended (signal 9)" in suite.console.read_text()
    assert (after.broker_url, after.database_url) == (before.broker_url, before.database_url)


def test_a_second_run_on_the_same_folder_is_refused(suite: Suite) -> None:
    second = subprocess.run(
        [str(CSMS_RUN)],
        env={**os.environ, "CSMS_HOME": str(suite.home)},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert second.returncode == 1
    assert "already runs" in second.stdout
    assert suite.run_file.exists()


@pytest.mark.parametrize("variable", ["CSMS_OCPP_PORT", "CSMS_HTTP_PORT"])
def test_a_taken_port_is_an_error_that_names_its_variable(
    tmp_path: Path, variable: str, fake_programs: Path
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(StartupError, match=f"set {variable} to another"),
    ):
        start_suite(tmp_path, {variable: str(taken.getsockname()[1])}, programs=fake_programs)


def test_a_stop_waits_for_nobody_longer_than_it_has_promised_to_take() -> None:
    """After each of these it ends by force whatever is left."""
    bounds = (
        run._STOP_GATEWAYS_SECONDS,
        run._STOP_SERVICES_SECONDS,
        run._STOP_NODES_SECONDS,
    )
    assert sum(bounds) < 10


def test_one_interrupt_stops_everything(tmp_path: Path, fake_programs: Path) -> None:
    with start_suite(tmp_path, FAST, programs=fake_programs) as suite:
        pids = children_of(suite)
        assert len(pids) >= 8
        suite.process.send_signal(signal.SIGINT)
        assert suite.process.wait(timeout=WITHIN_S) == 0
        assert all_gone(pids)
        assert not suite.run_file.exists()


def test_a_killed_supervisor_takes_everything_along_and_the_next_start_works(
    tmp_path: Path, fake_programs: Path
) -> None:
    with start_suite(tmp_path, FAST, programs=fake_programs) as suite:
        pids = children_of(suite)
        password = suite.state().admin_password
        suite.process.kill()
        suite.process.wait(timeout=WITHIN_S)
        wait_for(lambda: all_gone(pids))
        with start_suite(tmp_path, FAST, programs=fake_programs) as again:
            assert again.state().admin_password == password


def test_without_haproxy_the_gateways_share_one_listening_socket(
    tmp_path: Path, fake_programs: Path
) -> None:
    ports = {"CSMS_OCPP_PORT": str(free_port()), "CSMS_HTTP_PORT": str(free_port())}
    code = (
        "import csms_local.run as run, csms_local.main as main; "
        "run.find_haproxy = lambda: None; main.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--programs", str(fake_programs)],
        env={**os.environ, **FAST, **ports, "CSMS_HOME": str(tmp_path)},
    )
    try:
        wait_for((tmp_path / "run.json").exists)
        state = RunState.read(tmp_path / "run.json")
        answered = {ask(f"{state.ocpp_url}/S{number}")["pid"] for number in range(30)}
        assert answered <= {gateway.pid for gateway in state.gateways}
        env = environment_of(state.gateways[0].pid)
        assert "CSMS_TRUSTED_PROXIES" not in env
        # A frozen gateway's share goes to the other one.
        os.kill(state.gateways[0].pid, signal.SIGSTOP)
        wait_for(lambda: is_frozen(state.gateways[0].pid))
        assert {ask(f"{state.ocpp_url}/S{n}")["pid"] for n in range(5)} == {state.gateways[1].pid}
        os.kill(state.gateways[0].pid, signal.SIGCONT)
    finally:
        process.terminate()
        assert process.wait(timeout=WITHIN_S) == 0


def test_a_failed_migration_stops_the_start_and_names_the_service(
    tmp_path: Path, fake_programs: Path
) -> None:
    env = FAST | {"CSMS_FAKE_BROKEN_MIGRATION": "session-service"}
    with pytest.raises(StartupError, match=r"session-service-migrate failed[^$]*newer than this"):
        start_suite(tmp_path, env, programs=fake_programs)
