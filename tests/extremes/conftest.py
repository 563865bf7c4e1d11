"""A suite of its own: what breaks a list here breaks it for everybody."""

from collections.abc import Iterator

import pytest

from csms_local.suite import Suite, start_suite


@pytest.fixture(scope="package")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """Two gateways behind one port."""
    env = {"CSMS_FSYNC": "off", "CSMS_MIN_PASSWORD_LENGTH": "8"}
    with start_suite(tmp_path_factory.mktemp("extremes"), env) as started:
        yield started
