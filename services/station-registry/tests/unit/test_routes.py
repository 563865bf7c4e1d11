"""Which calls of stations station-registry takes."""

from csms_shared.contracts.message_types import MessageType
from csms_shared.ocpp.action_row import CallKind, Owner
from csms_shared.ocpp.actions import VERSIONS, station_calls
from csms_shared.service.routes import CallRoute
from station_registry.certificates.domain.requests import SigningPolicy
from station_registry.certificates.handlers.built_in_authority import signing_now
from station_registry.provisioning.domain.registration import Policies
from station_registry.routes import decision_routes, report_routes

DECISIONS = decision_routes(Policies(), signing_now(SigningPolicy("", ready=False), None))
REPORTS = report_routes(900)


def _of_kind(kind: CallKind) -> set[tuple[str, str]]:
    return {
        (version, action)
        for version in VERSIONS
        for action, call in station_calls(version).items()
        if call.service is Owner.STATION_REGISTRY and kind in call.kinds
    }


def test_each_queue_has_a_route_for_the_calls_that_the_rows_send_there_and_no_others() -> None:
    assert {key for key in DECISIONS if not isinstance(key, MessageType)} == _of_kind(
        CallKind.DECISION
    )
    assert {key for key in REPORTS if not isinstance(key, MessageType)} == _of_kind(CallKind.REPORT)


def test_only_decisions_are_answered_from_here() -> None:
    written = {
        route.write is not None for route in DECISIONS.values() if isinstance(route, CallRoute)
    }
    assert written == {True}
    assert not any(isinstance(route, CallRoute) and route.write for route in REPORTS.values())
