"""The flight recorder: every frame in and out, sent to station-registry a batch at a time.

It must never slow a call: a frame is appended to a bounded buffer, batches are masked and packed
in a thread and published over channels of their own, once. What has no room or is not confirmed
is lost, counted, and a gap in the recording.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from typing import Protocol

import orjson
import structlog

from csms_shared.broker.errors import BrokerError, PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import REQUESTS, recordings_key, recordings_queue
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.recordings import encode_body
from csms_shared.runtime.clock import now_ms
from ws_gateway import metrics
from ws_gateway.amqp.lane import Publishing
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.domain.dialect import MaskingRules
from ws_gateway.domain.effects import Dispatch, Effect
from ws_gateway.domain.recording import FrameBuffer, Kept, Sealed, seal, verdict

log = structlog.get_logger(__name__)

# How old a frame gets here under light load; nobody waits for it.
SEND_EVERY_S = 2.0
PUBLISH_TIMEOUT_S = 4.0
# Commands whose answers may still come.
_MAX_ASKED = 20_000
_CALL = "2"


class RecordedConnection(Protocol):
    """A connection whose frames are recorded."""

    filed_as: str
    connection_id: str
    masking: MaskingRules


class Recorder:
    """Keeps the frames of all connections of this gateway until they are sent."""

    def __init__(
        self,
        publisher: Publishing,
        link: Link,
        own_queue: OwnQueue,
        buffer: FrameBuffer | None = None,
    ) -> None:
        self._publisher = publisher
        self._link = link
        self._own_queue = own_queue
        self._buffer = FrameBuffer() if buffer is None else buffer
        self._asked: dict[str, str] = {}
        self._due = asyncio.Event()
        self._full = metrics.UNRECORDED.labels("full")
        self._unsent = metrics.UNRECORDED.labels("unsent")
        self._sending = False

    @property
    def idle(self) -> bool:
        """Tell whether everything kept has been sent, or given up."""
        return self._buffer.is_empty and not self._sending

    def asked(self, command_id: str, action: str) -> None:
        """Note a command, so that its answer is recorded with its action."""
        self._asked[command_id] = action
        if len(self._asked) > _MAX_ASKED:
            del self._asked[next(iter(self._asked))]

    def received(
        self, held: RecordedConnection, raw: bytes, at_ms: int, effects: Sequence[Effect]
    ) -> str | None:
        """Keep a station's frame; returns the action of a call, for its answer."""
        if effects and type(effects[0]) is Dispatch:
            # What nearly every frame is.
            called = effects[0].call.action
            self._keep(
                Kept(held.filed_as, held.connection_id, at_ms, True, raw, held.masking, called)
            )
            return called
        action, error, tolerated, command_id, latency_ms = verdict(effects)
        call = action
        if command_id is not None:
            action = self._asked.pop(command_id, None)
        self._keep(
            Kept(
                held.filed_as,
                held.connection_id,
                at_ms,
                True,
                raw,
                held.masking,
                action,
                latency_ms,
                error,
                tolerated,
            )
        )
        return call

    def sent(
        self, held: RecordedConnection, text: str, action: str | None, since_ms: int | None
    ) -> None:
        """Keep a frame of ours; `action` and `since_ms` are of the call that it answers."""
        at_ms = now_ms()
        if text[1] == _CALL:
            self._keep(Kept(held.filed_as, held.connection_id, at_ms, False, text, held.masking))
            return
        latency_ms = None if since_ms is None else at_ms - since_ms
        self._keep(
            Kept(
                held.filed_as,
                held.connection_id,
                at_ms,
                False,
                text,
                held.masking,
                action,
                latency_ms,
            )
        )

    def hurry(self) -> None:
        """Send what there is."""
        self._due.set()

    async def run(self) -> None:
        """Send until cancelled."""
        await self._declare()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SEND_EVERY_S):
                    await self._due.wait()
            self._due.clear()
            while not self._buffer.is_empty:
                sent = await self._send_batch()
                if not sent or not (self._buffer.fills_a_batch or self._due.is_set()):
                    break

    def _keep(self, frame: Kept) -> None:
        if not self._buffer.add(frame):
            self._full.inc()
        elif self._buffer.fills_a_batch:
            self._due.set()

    async def _send_batch(self) -> bool:
        """Send a batch; tell whether the broker has it."""
        self._sending = True
        batch, gaps = self._buffer.take()
        try:
            sealed = await asyncio.to_thread(seal, batch, gaps)
            await self._publisher.publish(self._message(sealed), PUBLISH_TIMEOUT_S)
        except (PublishReturned, PublishUnconfirmed) as error:
            log.warning("recording_lost", frames=len(batch), error=repr(error)[:200])
            self._unsent.inc(len(batch))
            self._buffer.put_back(gaps)
            self._buffer.lost(batch)
            if isinstance(error, PublishReturned):
                await self._declare()
        except Exception:
            # Whatever is wrong with a recording, stations go on being served.
            log.exception("recording_failed", frames=len(batch))
            self._unsent.inc(len(batch))
            self._buffer.lost(batch)
        else:
            return True
        finally:
            self._sending = False
        return False

    async def _declare(self) -> None:
        # A broker that is away is no error here: the next batch finds out.
        with contextlib.suppress(BrokerError):
            await self._link.declare(recordings_queue())

    def _message(self, sealed: Sealed) -> Outgoing:
        body = orjson.dumps(
            {
                "gateway_id": self._own_queue.incarnation,
                "items": [
                    {
                        "recording_id": uuid.uuid4().hex,
                        "first_ms": sealed.first_ms,
                        "last_ms": sealed.last_ms,
                        "frames": sealed.frames,
                        "stations": sealed.stations,
                        "body": encode_body(sealed.packed),
                        "level": sealed.level,
                        "actions": sealed.actions,
                    }
                ],
            }
        )
        return Outgoing(REQUESTS, recordings_key(), MessageType.RECORDINGS, body)
