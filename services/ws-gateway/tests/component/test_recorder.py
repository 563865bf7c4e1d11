"""What a gateway sends of its stations' frames, on a real broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import orjson
import pytest
from gateway_fakes.running import RunningGateway, run_gateway
from gateway_fakes.services import FakeServices
from gateway_fakes.waiting import until
from prometheus_client import REGISTRY

from csms_shared.broker.consumer import Consumer, Delivery
from csms_shared.broker.errors import PublishReturned, PublishUnconfirmed
from csms_shared.broker.link import Link
from csms_shared.broker.publisher import Outgoing
from csms_shared.broker.topology import recordings_queue
from csms_shared.contracts.recordings import RecordedFrame, RecordingBatch, decode_body, unpack
from ws_gateway.amqp.own_queue import OwnQueue
from ws_gateway.amqp.recorder import Recorder
from ws_gateway.domain.recording import BATCH_FRAMES, FrameBuffer
from ws_gateway.ocpp.v16 import DIALECT


class Recordings:
    """Takes what gateways send."""

    def __init__(self) -> None:
        self.batches: list[RecordingBatch] = []
        self.changed = asyncio.Condition()

    async def __call__(self, deliveries: list[Delivery]) -> None:
        async with self.changed:
            for delivery in deliveries:
                batch = RecordingBatch.model_validate_json(delivery.body)
                self.batches += [batch] if batch.items else []
            self.changed.notify_all()

    def frames(self, station_id: str) -> list[RecordedFrame]:
        return [
            frame
            for batch in self.batches
            for item in batch.items
            for frame in unpack(decode_body(item.body), station_id)
        ]

    async def until(self, station_id: str, count: int) -> list[RecordedFrame]:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(self.frames(station_id)) >= count)
        return self.frames(station_id)


@pytest.fixture
async def recordings(broker_url: str) -> AsyncIterator[Recordings]:
    taken = Recordings()
    async with Link(broker_url, "recordings") as link:
        await link.declare(recordings_queue())
        consumer = Consumer(link, recordings_queue(), taken, prefetch=50)
        running = asyncio.create_task(consumer.run())
        yield taken
        await consumer.stop()
        running.cancel()
        await asyncio.wait([running])


async def test_every_frame_in_and_out_is_sent_with_its_verdict_and_without_its_secrets(
    recordings: Recordings, running: RunningGateway
) -> None:
    station = await running.station("REC-1")
    await station.socket.send('[2,"1","Heartbeat",{}]')
    await station.socket.recv()
    await station.socket.send('[2,"2","Nonsense",{}]')
    await station.socket.recv()
    await running.services.send_commands(
        running.command(
            "REC-1", "cmd-1", "ChangeConfiguration", key="AuthorizationKey", value="q7Zx9Wv3Lk5T"
        )
    )
    await station.socket.recv()
    await station.socket.send('[3,"cmd-1",{"status":"Accepted"}]')
    frames = await recordings.until("REC-1", 6)
    told = [(f.direction, f.action, f.error) for f in frames]
    assert told == [
        ("in", "Heartbeat", None),
        ("out", "Heartbeat", None),
        ("in", "Nonsense", "NotImplemented"),
        ("out", "Nonsense", None),
        ("out", None, None),
        ("in", "ChangeConfiguration", None),
    ]
    assert "q7Zx9Wv3Lk5T" not in "".join(frame.text for frame in frames)
    assert orjson.loads(frames[4].text)[3] == {"key": "AuthorizationKey", "value": "***"}
    assert frames[5].latency_ms is not None
    assert {frame.connection_id for frame in frames} == {frames[0].connection_id}


async def test_what_was_said_before_the_end_is_sent_before_the_end(
    recordings: Recordings, broker_url: str, services: FakeServices
) -> None:
    async with run_gateway(broker_url, services) as gateway:
        station = await gateway.station("REC-2")
        await station.socket.send('[2,"1","Heartbeat",{}]')
        await station.socket.recv()
    assert len(await recordings.until("REC-2", 2)) == 2


async def test_nothing_is_recorded_where_the_recorder_is_off(
    recordings: Recordings, broker_url: str, services: FakeServices
) -> None:
    async with run_gateway(broker_url, services, recorder=False) as gateway:
        station = await gateway.station("REC-3")
        await station.socket.send('[2,"1","Heartbeat",{}]')
        await station.socket.recv()
        assert gateway.gateway.broker is not None
        assert gateway.gateway.broker.recorder is None
    async with run_gateway(broker_url, services) as gateway:
        station = await gateway.station("REC-4")
        await station.socket.send('[2,"1","Heartbeat",{}]')
        await station.socket.recv()
    await recordings.until("REC-4", 2)
    assert recordings.frames("REC-3") == []


class RefusingPublisher:
    """Refuses until told to take, and remembers how often it was asked."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error
        self.asked = 0
        self.taken: list[Outgoing] = []

    async def publish(self, message: Outgoing, timeout: float) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        self.taken.append(message)


class Held:
    """As much of a connection as the recorder looks at."""

    filed_as = "S"
    masking = DIALECT.masking
    connection_id = "c"


@pytest.mark.parametrize(
    "error", [PublishUnconfirmed("nack"), PublishReturned("no queue"), RuntimeError("a defect")]
)
async def test_what_is_not_stored_is_tried_once_counted_and_told_as_a_gap(
    broker_url: str, error: Exception
) -> None:
    def unsent() -> float:
        labels = {"reason": "unsent"}
        name = "csms_gateway_unrecorded_frames_total"
        return REGISTRY.get_sample_value(name, labels) or 0.0

    publisher = RefusingPublisher(error)
    async with Link(broker_url, "gateway") as link:
        own_queue = OwnQueue("g", link, None)  # type: ignore[arg-type]
        recorder = Recorder(publisher, link, own_queue, FrameBuffer())
        before = unsent()
        running = asyncio.create_task(recorder.run())
        try:
            for at_ms in (1, 2):
                recorder.received(Held(), b"x", at_ms, [])
            recorder.hurry()
            await until(lambda: unsent() >= before + 2, 20)
            publisher.error = None
            recorder.hurry()
            await until(lambda: publisher.taken, 20)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
    ((item,),) = [RecordingBatch.model_validate_json(m.body).items for m in publisher.taken[:1]]
    (gap,) = unpack(decode_body(item.body), "S")
    assert (gap.direction, gap.gap_frames, gap.gap_from_ms, gap.gap_to_ms) == ("gap", 2, 1, 2)


async def test_a_batch_that_is_not_stored_costs_none_of_those_that_wait_behind_it() -> None:
    publisher = RefusingPublisher(PublishUnconfirmed("nack"))
    async with Link("amqp://nobody@127.0.0.1:9/", "gateway") as link:
        own_queue = OwnQueue("g", link, None)  # type: ignore[arg-type]
        recorder = Recorder(publisher, link, own_queue)
        for at_ms in range(3 * BATCH_FRAMES):
            recorder.received(Held(), b"x", at_ms, [])
        running = asyncio.create_task(recorder.run())
        try:
            await until(lambda: publisher.asked, 20)
            await asyncio.sleep(0.3)
            assert publisher.asked == 1
            publisher.error = None
            recorder.hurry()
            await until(lambda: recorder.idle, 20)
        finally:
            running.cancel()
            await asyncio.wait([running])
    frames = [RecordingBatch.model_validate_json(m.body).items[0].frames for m in publisher.taken]
    assert frames == [BATCH_FRAMES + 1, BATCH_FRAMES]
