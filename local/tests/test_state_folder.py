import socket
from pathlib import Path

import pytest

from csms_local.errors import AlreadyRunningError, StartupError
from csms_local.nodes import ports
from csms_local.nodes.ports import KeptPorts, free_port
from csms_local.state_folder import StateFolder


def test_a_folder_has_one_owner_until_it_is_released(tmp_path: Path) -> None:
    first, second = StateFolder(tmp_path), StateFolder(tmp_path)
    first.acquire()
    with pytest.raises(AlreadyRunningError, match="CSMS_HOME"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_secrets_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    made = StateFolder(tmp_path).secret("pepper")
    assert StateFolder(tmp_path).secret("pepper") == made
    assert len(made) >= 24
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_the_first_given_secret_stays(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    assert state.secret("admin-password", "chosen at the first start") != state.secret("other")
    assert state.secret("admin-password", "chosen later") == "chosen at the first start"


def test_ports_are_kept_between_starts_and_differ(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = KeptPorts(path)
    chosen = {name: first.port(name) for name in ("broker", "database", "gateway-1")}
    assert len(set(chosen.values())) == 3
    again = KeptPorts(path)
    assert {name: again.port(name) for name in chosen} == chosen


def test_a_kept_port_that_is_taken_meanwhile_is_chosen_anew(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    kept = KeptPorts(path).port("broker")
    with socket.create_server(("127.0.0.1", kept)):
        assert KeptPorts(path).port("broker") != kept


def test_a_free_port_is_promised_to_one_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = free_port()
    monkeypatch.setattr(ports, "_RANGE", range(first, first + 1))
    with pytest.raises(StartupError, match="no free port"):
        free_port()
    monkeypatch.setattr(ports, "_PROMISED_S", 0.0)
    assert free_port() == first
