"""The words that events are described with are those that are told."""

from enum import StrEnum

import pytest

from csms_shared.contracts.charging import ProfileStateName
from csms_shared.contracts.event_data.charging import PurposeName
from csms_shared.contracts.event_data.quarantine import ReportKind
from csms_shared.contracts.event_data.transactions import StartAnswer
from session_service.charging.domain.installed_profiles import ProfileState
from session_service.charging.domain.profiles import Purpose
from session_service.quarantine.store.items import METER_VALUES, STOP
from session_service.tokens.domain import AuthorizationStatus


@pytest.mark.parametrize(
    ("told", "described"),
    [
        (Purpose, PurposeName),
        (ProfileState, ProfileStateName),
        (AuthorizationStatus, StartAnswer),
    ],
)
def test_each_value_has_its_word(told: type[StrEnum], described: type[StrEnum]) -> None:
    assert {value.value for value in told} == {value.value for value in described}


def test_each_kind_of_report_in_quarantine_has_its_word() -> None:
    assert {STOP, METER_VALUES} == {kind.value for kind in ReportKind}
