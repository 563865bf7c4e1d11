"""Request and reply between services over `csms.requests.v1`, with a deadline.

The operations of each service are in a contract module (`STATION_OPERATIONS` in `stations`,
`SESSION_OPERATIONS` in `sessions`): a literal table from an operation's name to the model of its
parameters.
"""

from typing import Any

from csms_shared.contracts.envelope import Batch, Contract, ReplyKey
from csms_shared.contracts.scopes import Scope
from csms_shared.values.tenants import DEFAULT_TENANT


class OfTenant(Contract):
    """Parameters of an operation on what belongs to a tenant: that of the request."""

    tenant_id: str = DEFAULT_TENANT


class WithinScope(OfTenant):
    """Parameters of an operation that goes by the scope of the request, if that has one."""

    scope: Scope | None = None


# Before the name of an operation that is asked within a scope: a service of a release before
# scopes does not know it, and so does not answer from beyond the scope.
SCOPED = "within_scope:"


class RequestItem(Contract):
    """One request: the operation's name and its parameters, and for which tenant it is.

    `scope`: who asks is limited to it. Only operations that see to it are answered.
    """

    operation: str
    parameters: dict[str, Any]
    tenant_id: str = DEFAULT_TENANT
    scope: Scope | None = None


class RequestBatch(Batch[RequestItem]):
    """A request; batches of one, as a person's REST call is."""

    reply_key: ReplyKey
    correlation_id: str
    deadline_ms: int


class FieldProblem(Contract):
    """Which field of a request is wrong, and how."""

    field: str
    message: str


class Problem(Contract):
    """Why a request was refused; `status` is the HTTP status that REST answers with."""

    status: int
    code: str
    detail: str
    errors: tuple[FieldProblem, ...] = ()


class ResponseMessage(Contract):
    """The answer: `result` (any JSON) or `problem`."""

    result: Any = None
    problem: Problem | None = None
