"""What a connection has to know of the OCPP version that it speaks.

The domain reads nothing else of a version: it spells no field and no action. `ws_gateway.ocpp` has
a `Dialect` for each version.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from csms_shared.ocpp.action_row import CallKind
from csms_shared.ocpp.errors import RpcError
from csms_shared.ocpp.schemas import SchemaProblem
from ws_gateway.domain.tolerance import Checked

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class StationCallRules:
    """How a version's calls of stations are checked and answered.

    `kinds`: when a call of an action is answered, by its payload; no other action is offered, and
    `refusal` says why. `service`: who owns an action. `check_exactly` and `check_tolerantly` look
    at an action's payload, `response_problem` at our answer.
    """

    kinds: Mapping[str, Callable[[Payload], CallKind]]
    refusal: Callable[[str], RpcError]
    service: Callable[[str], str]
    check_exactly: Callable[[str, Payload], SchemaProblem | None]
    check_tolerantly: Callable[[str, Payload], Checked]
    response_problem: Callable[[str, Payload], SchemaProblem | None]
    heartbeat_response: Callable[[int], Payload]


@dataclass(frozen=True, slots=True, eq=False)
class CommandRules:
    """How a version's commands are checked, and their answers read.

    `triggers`: the actions that ask a station for one of its calls. `triggered_calls` reads from
    such an action and its payload which calls may follow, and `trigger` asks for one.
    `withheld_while_pending`: what a pending station is not sent.
    """

    request_problem: Callable[[str, Payload], SchemaProblem | None]
    response_problem: Callable[[str, Payload], SchemaProblem | None]
    is_accepted: Callable[[Payload], bool]
    triggers: frozenset[str]
    triggered_calls: Callable[[str, Payload], frozenset[str]]
    trigger: Callable[[str], tuple[str, Payload]]
    withheld_while_pending: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class RegistrationRules:
    """How a station registers: by the call `boot`, whose answer `status` reads.

    `status_report`: the call that tells the state of its connectors. `forgiven_before_boot`: sent
    before the boot by stations that give up when they are refused.
    """

    boot: str
    status: Callable[[Payload], str]
    status_report: str
    forgiven_before_boot: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class TransactionSigns:
    """What tells that a station is in a transaction, or no more.

    `of_call` reads a call of one of the `actions`: true or false, None where it says nothing.
    """

    actions: frozenset[str]
    of_call: Callable[[str, Payload], bool | None]


@dataclass(frozen=True, slots=True, eq=False)
class MaskingRules:
    """Where nobody looks for secrets, and where a refusal may repeat one.

    `without_secrets`: a payload that meets its schema has no place for any, nor has the answer.
    `repeated_in_refusals`: a station that refuses such a command may write the secret into it.
    """

    without_secrets: frozenset[str]
    repeated_in_refusals: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """One OCPP version; `error_code` spells an error as it has it on the wire."""

    version: str
    error_code: Callable[[RpcError], str]
    calls: StationCallRules
    commands: CommandRules
    registration: RegistrationRules
    transactions: TransactionSigns
    masking: MaskingRules
