"""One suite for all scenarios that leave it well, and a line of counts for each of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.counts import RECORDED
from tests.faults.scale import Scale, scale_from_environment
from tests.faults.suite_on_paths import SuiteOnPaths

_HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers that tell at which scales a scenario is run."""
    config.addinivalue_line("markers", "in_subset: a scenario that `make test-long` runs too")
    config.addinivalue_line("markers", "full_scale: run by `make test-faults` only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run scenarios in one event loop, that of the suite; leave out those of other scales."""
    chosen = scale_from_environment()
    left_out = []
    for item in items:
        if _HERE not in item.path.parents:
            continue
        is_scenario = "scale" in getattr(item, "fixturenames", ())
        if is_scenario:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        beyond_subset = chosen.subset and not item.get_closest_marker("in_subset")
        beyond_short = not chosen.full and item.get_closest_marker("full_scale")
        if is_scenario and (beyond_subset or beyond_short):
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was injected and counted."""
    if RECORDED:
        terminalreporter.section("faults")
        for counts in RECORDED:
            terminalreporter.write_line(counts.line())


@pytest.fixture(scope="session")
def scale() -> Scale:
    """How much to run."""
    return scale_from_environment()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def suite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SuiteOnPaths]:
    """One suite for all scenarios; each mends what it broke."""
    async with SuiteOnPaths(tmp_path_factory.mktemp("faulty")) as running:
        yield running
