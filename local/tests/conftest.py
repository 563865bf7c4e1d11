import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from csms_local.nodes.private import PrivateNodes
from csms_local.services import ROLES
from csms_local.suite import Suite, start_suite


@pytest.fixture(scope="session")
def fake_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    fake = Path(__file__).parent / "fake_service.py"
    for name in (*ROLES, "ws-gateway"):
        program = folder / name
        program.write_text(f"#!{sys.executable}\n" + fake.read_text())
        program.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def private_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateNodes]:
    with PrivateNodes(tmp_path_factory.mktemp("nodes"), fsync=False) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory, fake_programs: Path) -> Iterator[Suite]:
    # A folder that others may not enter, as a home of 0700 is one.
    home = tmp_path_factory.mktemp("closed")
    home.chmod(0o700)
    env = {
        "CSMS_FSYNC": "off",
        "CSMS_ADMIN_PASSWORD": "the-first-password",
        "CSMS_BOOT_POLICY": "pending",
    }
    with start_suite(home / "a suite", env, programs=fake_programs) as suite:
        yield suite
