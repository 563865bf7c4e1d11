"""Claims: asking the registry, in batches, whether a station may connect here."""

import asyncio
from dataclasses import dataclass

import orjson
import structlog

from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import REQUESTS, STATION_REGISTRY, decisions_key
from csms_shared.contracts.control import Control
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.ownership import (
    NEVER_LEARNT,
    Claim,
    ClaimOutcome,
    ClaimReply,
    ClaimReplyBatch,
)
from csms_shared.runtime.clock import monotonic, now_ms
from ws_gateway.amqp.controls_during_claim import ControlsDuringClaim, Overtaken
from ws_gateway.amqp.lane import Backlog, Lane, Publishing
from ws_gateway.amqp.notices import Notices
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.amqp.services import OVERDUE_S, ServiceWatch

log = structlog.get_logger(__name__)

CLAIM_TIMEOUT_S = 8.0
# As long as a reply may live. A claim granted too late is released again, and so is one whose
# answer was lost: its row would show the station online for as long as this gateway lives.
_REMEMBER_S = 60.0


class ClaimUnanswered(Exception):
    """No connection came of the claim; whether it took effect at the registry is unknown."""


@dataclass(slots=True)
class _Pending:
    station_id: str
    asked_at: float
    answer: "asyncio.Future[ClaimReply]"


class Claims:
    """Claims on their way, and the ones given up that may still be granted."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        publisher: Publishing,
        backlog: Backlog,
        own_queue: OwnQueue,
        registry: ServiceWatch,
        notices: Notices,
        gateway_name: str,
        timeout_s: float = CLAIM_TIMEOUT_S,
    ) -> None:
        self._own_queue = own_queue
        self._registry = registry
        self._notices = notices
        self._gateway_name = gateway_name
        self._timeout_s = timeout_s
        self._pending: dict[str, _Pending] = {}
        self._controls: dict[str, ControlsDuringClaim] = {}
        self._lane: Lane[None] = Lane(
            "claims",
            group,
            publisher,
            backlog,
            self._seal,
            on_refused=registry.publish_refused,
        )

    async def claim(self, claim: Claim) -> ClaimReply:
        """Return the registry's answer.

        Raises:
            ClaimUnanswered: after the claim's time-out, or overtaken by a newer connection.
        """
        answer: asyncio.Future[ClaimReply] = asyncio.get_running_loop().create_future()
        pending = _Pending(claim.station_id, monotonic(), answer)
        if not self._lane.add(orjson.dumps(claim.model_dump()), None, self._timeout_s):
            raise ClaimUnanswered("too much is waiting for the broker")
        self._pending[claim.connection_id] = pending
        controls = self._controls.setdefault(claim.station_id, ControlsDuringClaim())
        controls.claims += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                return controls.apply(await answer)
        except asyncio.CancelledError:
            self._release_granted(claim, answer)
            raise
        except TimeoutError as error:
            self._release_granted(claim, answer)
            self._registry.doubt()
            raise ClaimUnanswered(f"no answer within {self._timeout_s:g} s") from error
        except Overtaken as error:
            raise ClaimUnanswered(str(error)) from error
        finally:
            controls.claims -= 1
            if not controls.claims:
                del self._controls[claim.station_id]

    def _release_granted(self, claim: Claim, answer: "asyncio.Future[ClaimReply]") -> None:
        """Release what was granted in the very moment in which nobody waited for it any more."""
        if not answer.done() or answer.cancelled():
            return
        reply = answer.result()
        if reply.outcome is ClaimOutcome.ACCEPTED:
            self._notices.release(
                claim.station_id, claim.connection_id, reply.epoch, "claim given up"
            )

    def answered(self, batch: ClaimReplyBatch) -> None:
        """Hand the answers to whoever waits; what is granted to nobody is released."""
        self._registry.answered()
        for reply in batch.items:
            pending = self._pending.pop(reply.connection_id, None)
            if pending is None:
                continue
            if (controls := self._controls.get(pending.station_id)) is not None:
                controls.learn(reply.epoch)
            if not pending.answer.done():
                pending.answer.set_result(reply)
            elif reply.outcome is ClaimOutcome.ACCEPTED:
                self._notices.release(
                    pending.station_id, reply.connection_id, reply.epoch, "claim given up"
                )

    def note(self, control: Control) -> None:
        """Keep a control for the connections that claims on their way will open."""
        if (controls := self._controls.get(control.station_id)) is not None:
            controls.note(control)

    def sweep(self) -> None:
        """Raise a doubt about the registry when claims are overdue; let go of old ones."""
        now = monotonic()
        for connection_id, pending in list(self._pending.items()):
            if now - pending.asked_at > _REMEMBER_S:
                del self._pending[connection_id]
                # Long past its deadline: what it was not granted yet it never will be.
                self._notices.release(
                    pending.station_id, connection_id, NEVER_LEARNT, "claim never answered"
                )
            elif not pending.answer.done() and now - pending.asked_at > OVERDUE_S:
                self._registry.doubt()

    def _seal(self, items: bytes) -> Outgoing:
        envelope = orjson.dumps(
            {
                "gateway_id": self._own_queue.incarnation,
                "gateway_name": self._gateway_name,
                "reply_key": f"{self._own_queue.incarnation}.claims",
                "deadline_ms": now_ms() + int(self._timeout_s * 1000),
            }
        )
        body = b'%s,"items":[%s]}' % (envelope[:-1], items)
        return Outgoing(REQUESTS, decisions_key(STATION_REGISTRY), MessageType.CLAIMS, body)
