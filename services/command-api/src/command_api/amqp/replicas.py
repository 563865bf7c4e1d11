"""What an instance tells all instances, itself too: accounts have changed."""

import structlog

from csms_shared.broker.errors import BrokerError
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import COMMAND_API, REQUESTS, replicas_key
from csms_shared.contracts.accounts import AccountsChanged
from csms_shared.contracts.message_types import MessageType

log = structlog.get_logger(__name__)

# Whoever made the change waits so long.
TELL_S = 1.0
# By then nobody is remembered any more who was when it was sent.
EXPIRES_S = 5.0


class Replicas:
    """The way to all instances; who does not get word forgets by the clock."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def accounts_changed(self) -> None:
        """Have every instance forget whom it has recognised."""
        message = Outgoing(
            REQUESTS,
            replicas_key(COMMAND_API),
            MessageType.ACCOUNTS_CHANGED,
            AccountsChanged().model_dump_json().encode(),
            persistent=False,
            expires_s=EXPIRES_S,
        )
        try:
            await self._publisher.publish(message, TELL_S)
        except BrokerError as error:
            log.warning("accounts_changed_not_told", error=str(error))
