"""Events of the quarantine."""

from enum import StrEnum

from pydantic import Field

from csms_shared.contracts.envelope import Contract, Open
from csms_shared.contracts.event_data.fields import Epoch, Seq, StationId


class ReportKind(StrEnum):
    """What a station reported."""

    STOP = "stop"
    METER_VALUES = "meter_values"


class QuarantineAdded(Contract):
    """A report of a station fits no transaction, and waits for one."""

    id: str = Field(description="the item, as REST calls it")
    kind: Open[ReportKind] = Field(description="what was reported")
    station_id: StationId
    wire_transaction_id: int | None = Field(
        description="the transaction's id as the station sent it"
    )
    reason: str = Field(description="why it fits none, in a sentence")
    epoch: Epoch
    seq: Seq
