"""A suite of these tests' own, on nodes that can be stopped, with TLS."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from csms_local.nodes.ports import free_port
from csms_local.nodes.private import PrivateNodes
from csms_local.suite import Suite, start_suite
from csms_simulator.certificates import Authority


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files of the TLS port, and who signs them."""

    authority: Authority
    folder: Path

    def write_server(self, *, days: float) -> None:
        """Replace the server's certificate by one that ends in so many days."""
        # Whom it is for does not matter here: nobody connects.
        self.authority.station("localhost", days=(-1, days)).write(self.folder, "server")

    def write_list(self, *, days: float) -> None:
        """Replace the revocation list by one that ends in so many days."""
        made = self.authority.revocation_list(days=(-1, days))
        (self.folder / "crl.pem").write_bytes(made)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The suite and what it stands on."""

    suite: Suite
    nodes: PrivateNodes
    certificates: Certificates


@pytest.fixture(scope="package")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    folder = tmp_path_factory.mktemp("tls")
    certificates = Certificates(Authority("Operator"), folder)
    certificates.write_server(days=60)
    certificates.write_list(days=7)
    (folder / "ca.pem").write_bytes(certificates.authority.pem)
    with PrivateNodes(tmp_path_factory.mktemp("operations"), fsync=False) as nodes:
        env = {
            "CSMS_BROKER_URL": nodes.broker_url,
            "CSMS_MIGRATION_DATABASE_URL": nodes.database_url,
            "CSMS_TLS_PORT": str(free_port()),
            "CSMS_TLS_ECDSA_CERTIFICATE": str(folder / "server.pem"),
            "CSMS_TLS_ECDSA_KEY": str(folder / "server.key"),
            "CSMS_TLS_CLIENT_CA": str(folder / "ca.pem"),
            "CSMS_TLS_CRL": str(folder / "crl.pem"),
        }
        with start_suite(tmp_path_factory.mktemp("suite"), env) as suite:
            yield Surroundings(suite, nodes, certificates)


@pytest.fixture(scope="package")
def suite(surroundings: Surroundings) -> Suite:
    """The suite, as other tests call it."""
    return surroundings.suite
