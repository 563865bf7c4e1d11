"""A suite with a TLS port, an operator's name and a certificate authority."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from csms_local.nodes.ports import free_port
from csms_local.suite import Suite, start_suite
from csms_simulator.certificates import Authority
from station_registry.certificates.domain.authority import new_authority
from station_registry.certificates.store import authority_files
from tests.conformance.security.trust import OPERATOR, PASSPHRASE, Trust


@pytest.fixture(scope="package")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """Certificates and keys of the suite, in files."""
    made = Trust(Authority(OPERATOR), tmp_path_factory.mktemp("certificates"))
    made.server_ca.write_bytes(made.authority.pem)
    for kind in ("rsa", "ecdsa"):
        made.authority.server("localhost", "127.0.0.1", kind=kind).write(made.folder, kind)
    key = authority_files.new_key(made.folder, PASSPHRASE.encode())
    authority_files.write_certificate(made.folder, new_authority(key, OPERATOR, datetime.now(UTC)))
    built_in = (made.folder / authority_files.CERTIFICATE_FILE).read_bytes()
    (made.folder / "client-ca.pem").write_bytes(made.authority.pem + built_in)
    return made


@pytest.fixture(scope="package")
def suite(trust: Trust, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A suite of these tests' own."""
    env = {
        "CSMS_FSYNC": "off",
        "CSMS_GATEWAYS": "1",
        "CSMS_TLS_PORT": str(free_port()),
        "CSMS_TLS_CLIENT_CA": str(trust.folder / "client-ca.pem"),
        "CSMS_OPERATOR_NAME": OPERATOR,
        "CSMS_CA_FOLDER": str(trust.folder),
        "CSMS_CA_PASSPHRASE": PASSPHRASE,
    }
    for kind in ("rsa", "ecdsa"):
        env[f"CSMS_TLS_{kind.upper()}_CERTIFICATE"] = str(trust.folder / f"{kind}.pem")
        env[f"CSMS_TLS_{kind.upper()}_KEY"] = str(trust.folder / f"{kind}.key")
    with start_suite(tmp_path_factory.mktemp("secured"), env) as started:
        yield started
