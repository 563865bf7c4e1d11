"""Commands to gateways: those to one gateway that come together travel together."""

from collections.abc import Sequence

from command_api.handlers.gathering import Gathering, TooBusy
from csms_shared.broker.errors import PublishReturned
from csms_shared.broker.publisher import Outgoing, Publisher
from csms_shared.broker.topology import GATEWAYS
from csms_shared.contracts.commands import Command, CommandBatch
from csms_shared.contracts.envelope import BATCH_MAX_BYTES
from csms_shared.contracts.message_types import MessageType

_MAX_ITEMS = 500


class GatewaySender:
    """`CommandSender` over the broker."""

    def __init__(self, publisher: Publisher, incarnation: str) -> None:
        self._publisher = publisher
        self._reply_key = f"{incarnation}.command"
        self.lane: Gathering[tuple[str, Command], bool] = Gathering(
            self._publish, max_items=_MAX_ITEMS, lanes=3
        )

    async def send(self, gateway_id: str, command: Command) -> bool:
        """Publish; false when no queue took it, true when the gateway may have it."""
        try:
            return await self.lane.submit((gateway_id, command))
        except TooBusy:
            return False

    async def _publish(self, batch: Sequence[tuple[str, Command]]) -> list[bool]:
        groups: list[tuple[str, list[int]]] = []
        open_groups: dict[str, tuple[list[int], int]] = {}
        for index, (gateway_id, command) in enumerate(batch):
            size = len(command.model_dump_json())
            members, total = open_groups.get(gateway_id, ([], 0))
            if not members or total + size > BATCH_MAX_BYTES:
                members, total = [], 0
                groups.append((gateway_id, members))
            members.append(index)
            open_groups[gateway_id] = (members, total + size)
        outcomes = await self._publisher.publish_all(
            [
                Outgoing(
                    GATEWAYS,
                    gateway_id,
                    MessageType.COMMANDS,
                    CommandBatch(
                        items=[batch[index][1] for index in members], reply_key=self._reply_key
                    )
                    .model_dump_json()
                    .encode(),
                )
                for gateway_id, members in groups
            ]
        )
        stored = [True] * len(batch)
        for (_, members), outcome in zip(groups, outcomes, strict=True):
            if isinstance(outcome, PublishReturned):
                for index in members:
                    stored[index] = False
        return stored
