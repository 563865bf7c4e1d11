"""What a process has to tell operators, before it is an event of an outbox."""

from typing import Any

from pydantic import Field

from csms_shared.contracts.envelope import Batch, Contract
from csms_shared.contracts.events import CloudEvent, event_id, event_type
from csms_shared.values.tenants import DEFAULT_TENANT
from csms_shared.values.times import format_time_ms


class SystemNotice(Contract):
    """One system event to be; `number` and the instance in `data` are never used again.

    `key` is its routing key, `data` what docs/system-events.md says of it.
    """

    key: str = Field(pattern=r"^system\.[a-z_]{1,64}$")
    subject: str = Field(max_length=255)
    number: int
    at_ms: int
    tenant_id: str = DEFAULT_TENANT
    data: dict[str, Any]

    def event(self, source: str) -> tuple[str, CloudEvent]:
        """Return it as an event with its routing key; the same one each time."""
        return self.key, CloudEvent(
            id=event_id(self.key, str(self.data.get("instance")), self.number),
            source=source,
            type=event_type(self.key),
            subject=self.subject,
            time=format_time_ms(self.at_ms),
            tenantid=self.tenant_id,
            data=self.data,
        )


class SystemNoticeBatch(Batch[SystemNotice]):
    """What one gateway has to tell."""

    gateway_id: str
