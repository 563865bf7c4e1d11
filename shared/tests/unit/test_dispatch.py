"""The way of a batch through the handlers of a table."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from csms_shared.contracts.calls import CallReply
from csms_shared.contracts.message_types import MessageType
from csms_shared.contracts.read_calls import Answer, Call, answer
from csms_shared.service.dispatch import Part, UnknownMessage, dispatching
from csms_shared.service.inbox import Reply, Work
from csms_shared.service.probes import answering_probes
from csms_shared.service.routes import CallRoute, MessageRoute, Routes
from csms_shared.service.station_calls import fault_reply, find_key, of_payload
from csms_shared.values.tenants import DEFAULT_TENANT

NOW_MS = 1_000
# Longer than 255 bytes, which the broker's protocol can't say.
UNROUTABLE = ("g" * 256, "é" * 128)
CONNECTION = cast(AsyncConnection, cast(Any, None))


def call(
    action: str, seq: int = 1, said: Any = "said", *, version: str = "ocpp16", **envelope: Any
) -> Work:
    item = {
        "station_id": "S",
        "connection_id": "c1",
        "epoch": 3,
        "seq": seq,
        "boot_count": 2,
        "received_ms": NOW_MS,
        "deadline_ms": 2**50,
        "payload": {"said": said},
    }
    envelope = {"version": version, "action": action, "reply_key": "g.calls", **envelope}
    return Work(MessageType.CALLS, envelope, item)


def message(type_: MessageType, number: int = 0) -> Work:
    return Work(type_, {}, {"number": number})


class Log:
    """Handlers that note what they got, in the order in which they ran."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, list[Any]]] = []

    async def decide(self, _: AsyncConnection, calls: Sequence[Call[str]]) -> list[Answer[str]]:
        self.ran.append(("decide", [one.value for one in calls]))
        return [answer(one, f"{one.value}!") for one in calls]

    async def report(self, _: AsyncConnection, calls: Sequence[Call[str]]) -> None:
        self.ran.append(("report", [one.value for one in calls]))

    async def release(self, _: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        self.ran.append(("release", [work.item["number"] for work in works]))
        return []

    async def renew(self, _: AsyncConnection, works: Sequence[Work]) -> list[Reply]:
        self.ran.append(("renew", [work.item["number"] for work in works]))
        return []

    async def first(self, _: AsyncConnection, works: Sequence[Work]) -> None:
        self.ran.append(("first", [work.item["number"] for work in works]))

    def routes(self) -> Routes[str]:
        return {
            MessageType.RELEASES: MessageRoute(self.release, "stations"),
            ("ocpp16", "Ask"): CallRoute(
                of_payload(lambda said: f"ask {said['said']}"),
                self.decide,
                lambda said: {"asked": said},
            ),
            ("ocpp16", "Begin"): CallRoute(
                of_payload(lambda said: f"begin {said['said']}"),
                self.decide,
                lambda said: {"begun": said},
            ),
            ("ocpp201", "Ask"): CallRoute(lambda one: f"{one.version} {one.seq}", self.report),
            MessageType.LEASE: MessageRoute(self.renew, first=self.first),
        }


async def test_each_handler_runs_once_in_the_order_of_the_table() -> None:
    log = Log()
    await dispatching(log.routes())(
        CONNECTION,
        [
            message(MessageType.LEASE, 1),
            call("Begin", 1),
            call("Ask", 2, version="ocpp201"),
            message(MessageType.RELEASES, 2),
            call("Ask", 3),
            call("Begin", 4),
            message(MessageType.LEASE, 3),
        ],
    )
    assert log.ran == [
        ("first", [1, 3]),
        ("release", [2]),
        ("decide", ["begin said", "ask said", "begin said"]),
        ("report", ["ocpp201 2"]),
        ("renew", [1, 3]),
    ]


async def test_each_answer_is_written_as_its_call_is_and_goes_where_it_asked() -> None:
    works = [call("Begin", 1, reply_key="a"), call("Ask", 2, reply_key="b")]
    replies = await dispatching(Log().routes())(CONNECTION, works)
    assert [(reply.key, reply.content) for reply in replies] == [
        ("a", CallReply(connection_id="c1", seq=1, payload={"begun": "begin said!"})),
        ("b", CallReply(connection_id="c1", seq=2, payload={"asked": "ask said!"})),
    ]


async def test_a_call_has_the_stamp_and_the_version_of_its_message() -> None:
    seen: list[Call[Any]] = []

    async def note(_: AsyncConnection, calls: Sequence[Call[Any]]) -> None:
        seen.extend(calls)

    routes: Routes[None] = {("ocpp16", "Ask"): CallRoute(lambda one: one.value["said"], note)}
    work = call("Ask", 7)
    await dispatching(routes)(CONNECTION, [work])
    assert seen == [
        Call(
            *("S", DEFAULT_TENANT, "c1", 3, 7, 2, NOW_MS, 2**50),
            *("ocpp16", "g.calls", work.arrived_at, "said"),
        )
    ]
    assert seen[0].key == find_key(work) == ("c1", 7)


@pytest.mark.parametrize(
    "work",
    [
        call("Frobnicate"),
        call("Begin", version="ocpp21"),
        Work(MessageType.CALLS, {}, {}),
        message(MessageType.CONTROLS),
        Work("newer.v2", {}, {}),
    ],
)
async def test_what_has_no_route_is_refused_before_anything_is_done(work: Work) -> None:
    log = Log()
    with pytest.raises(UnknownMessage):
        await dispatching(log.routes())(CONNECTION, [message(MessageType.RELEASES), work])
    assert log.ran == []


async def test_what_is_no_call_is_refused_before_anything_is_done() -> None:
    log, bad = Log(), call("Begin")
    del bad.item["epoch"]
    with pytest.raises(ValidationError):
        await dispatching(log.routes())(CONNECTION, [message(MessageType.RELEASES), bad])
    assert log.ran == []
    assert find_key(bad) is None


@pytest.mark.parametrize("key", [None, 5, ["g.calls"], {}, *UNROUTABLE])
async def test_an_answer_that_nobody_said_where_to_send_is_refused(key: Any) -> None:
    with pytest.raises(ValueError, match="where its answers go"):
        await dispatching(Log().routes())(CONNECTION, [call("Ask", reply_key=key)])


async def test_a_probe_that_says_no_place_for_its_answer_is_refused() -> None:
    class Database:
        async def execute(self, _: Any) -> None:
            pass

    connection = cast(AsyncConnection, Database())
    for key in (["g.probes"], *UNROUTABLE):
        works = [Work(MessageType.PROBE, {"reply_key": key}, {})]
        with pytest.raises(ValueError, match="where its answers go"):
            await answering_probes("session-service")(connection, works)


async def test_what_locks_sees_each_part_before_its_handler_and_all_parts() -> None:
    log = Log()

    async def lock(_: AsyncConnection, upcoming: Part[str], parts: Sequence[Part[str]]) -> None:
        place = list(parts).index(upcoming)
        log.ran.append(("lock", [place, *(part.route.locks for part in parts)]))

    works = [call("Ask"), message(MessageType.RELEASES, 1)]
    await dispatching(log.routes(), lock)(CONNECTION, works)
    assert log.ran == [
        ("lock", [0, "stations", None]),
        ("release", [1]),
        ("lock", [1, "stations", None]),
        ("decide", ["ask said"]),
    ]


async def test_routes_of_one_handler_with_other_locks_are_parts_of_their_own() -> None:
    log = Log()
    routes: Routes[str] = {
        ("ocpp16", name): CallRoute(lambda one: one.value["said"], log.report, locks=locks)
        for name, locks in (("A", "jobs"), ("B", "jobs"), ("C", "stations"))
    }
    await dispatching(routes)(CONNECTION, [call(name, said=name) for name in "CBA"])
    assert log.ran == [("report", ["B", "A"]), ("report", ["C"])]


BROKEN: list[Any] = [
    None,
    "text",
    [1],
    {},
    call("Begin").item | {"deadline_ms": NOW_MS},
    *(call("Begin").item | {name: None} for name in ("connection_id", "seq", "deadline_ms")),
]


@pytest.mark.parametrize(
    ("work", "is_told"),
    [
        (call("Begin"), True),
        (call("Begin", reply_key=None), False),
        (call("Begin", reply_key=5), False),
        *((call("Begin", reply_key=key), False) for key in UNROUTABLE),
        (Work(MessageType.CLAIMS, call("Begin").envelope, call("Begin").item), False),
        *((Work(MessageType.CALLS, {"reply_key": "k"}, item), False) for item in BROKEN),
    ],
)
def test_who_waits_for_the_answer_to_a_call_is_told_that_it_failed(
    work: Work, is_told: bool
) -> None:
    reply = fault_reply(work)
    assert (reply is not None) == is_told
    if reply is not None:
        assert isinstance(reply.content, CallReply)
        assert reply.content.fault is not None
        assert (reply.key, reply.content.seq) == ("g.calls", 1)
        assert reply.content.fault.code == "InternalError"
