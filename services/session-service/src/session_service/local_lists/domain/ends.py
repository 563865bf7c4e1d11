"""What questions to stations about their lists came to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from session_service.local_lists.domain.lists import Limits, Result


@dataclass(frozen=True, slots=True)
class QuestionEnd:
    """The end of a question, whoever asked it.

    `version`: the one that the station shows, or the one that it was sent.
    """

    command_id: UUID
    tenant_id: str
    station_id: str
    created_by: str
    at: datetime
    result: Result
    limits: Limits
    version: int | None
