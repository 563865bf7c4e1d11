"""A broker and a database that exist already can be named instead of started."""

from pathlib import Path

import pytest

from csms_local.errors import StartupError
from csms_local.settings import read_settings

NAMED = {
    "CSMS_BROKER_URL": "amqp://broker/",
    "CSMS_MIGRATION_DATABASE_URL": "postgresql://owner@database/csms",
}


def test_named_nodes_are_used() -> None:
    settings = read_settings(NAMED, Path("/programs"))
    assert settings.nodes == tuple(NAMED.values())


def test_without_names_private_nodes_are_started() -> None:
    assert read_settings({}, Path("/programs")).nodes is None


@pytest.mark.parametrize("name", list(NAMED))
def test_one_without_the_other_is_refused_by_name(name: str) -> None:
    with pytest.raises(StartupError, match="CSMS_BROKER_URL and CSMS_MIGRATION_DATABASE_URL"):
        read_settings({name: NAMED[name]}, Path("/programs"))
