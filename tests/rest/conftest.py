"""A suite of its own: the requests change and delete what they find."""

from collections.abc import Iterator

import pytest

from csms_local.suite import Suite, start_suite
from tests.conformance.security.trust import OPERATOR


@pytest.fixture(scope="package")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """Two gateways behind one port; stations may have certificates."""
    env = {
        "CSMS_FSYNC": "off",
        "CSMS_MIN_PASSWORD_LENGTH": "8",
        "CSMS_OPERATOR_NAME": OPERATOR,
    }
    with start_suite(tmp_path_factory.mktemp("rest"), env) as started:
        yield started
