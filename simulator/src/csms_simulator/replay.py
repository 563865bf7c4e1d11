"""Plays a station's side of a recording against a suite, and compares the answers."""

import asyncio
import base64
import contextlib
import itertools
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

from csms_simulator.errors import UnusableSuiteError
from csms_simulator.recording import Recording, Said
from csms_simulator.wire import Call, CallError, CallResult, Frame, Payload, decode, encode

ANSWER_TIMEOUT_S = 40.0
CONNECT_TIMEOUT_S = 15.0
# Given by every central system anew.
_OF_THE_MOMENT = frozenset({"currentTime"})


@dataclass(frozen=True, slots=True)
class AnswerDifference:
    """One answer that was not the recorded one."""

    message_id: str
    action: str
    recorded: str
    replayed: str

    def __str__(self) -> str:
        return f"{self.action} {self.message_id}: was {self.recorded}, is {self.replayed}"


@dataclass(slots=True)
class Replayed:
    """What came of a replay; `uncompared` calls have no recorded answer."""

    sent: int = 0
    compared: int = 0
    uncompared: int = 0
    commands: int = 0
    transaction_ids: dict[int, int] = field(default_factory=dict)
    differences: list[AnswerDifference] = field(default_factory=list)


class Replay:
    """One run of a recording; `speed` divides its pauses, 0 leaves them out."""

    def __init__(
        self,
        recording: Recording,
        url: str,
        station_id: str,
        *,
        speed: float = 1.0,
        password: str | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._recording = recording
        self._url = f"{url.rstrip('/')}/{quote(station_id, safe='')}"
        self._station_id = station_id
        self._speed = speed
        self._password = password
        self._answer_timeout_s = answer_timeout_s
        self._replies = {action: iter(of) for action, of in recording.replies.items()}
        self._answers: dict[str, asyncio.Future[CallResult | CallError]] = {}
        self._sent_at = 0.0
        self.result = Replayed()

    async def run(self) -> Replayed:
        """Play everything.

        Raises:
            UnusableSuiteError: it lets the station in no more.
        """
        previous: Said | None = None
        for _, group in itertools.groupby(self._recording.said, lambda said: said.connection_id):
            frames = list(group)
            await self._pause(previous, frames[0])
            try:
                connection = await self._connect()
            except (OSError, InvalidHandshake, InvalidMessage, TimeoutError) as error:
                raise UnusableSuiteError(f"{self._url}: {error}") from None
            reading = asyncio.create_task(self._read(connection))
            try:
                await self._say_all(connection, frames)
            finally:
                await connection.close()
                reading.cancel()
                await asyncio.wait([reading])
            previous = frames[-1]
        return self.result

    async def _connect(self) -> ClientConnection:
        headers = {}
        if self._password is not None:
            login = base64.b64encode(f"{self._station_id}:{self._password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        return await connect(
            self._url,
            subprotocols=[Subprotocol("ocpp1.6")],
            additional_headers=headers,
            compression=None,
            proxy=None,
            open_timeout=CONNECT_TIMEOUT_S,
            ping_interval=None,
        )

    async def _say_all(self, connection: ClientConnection, frames: list[Said]) -> None:
        previous: Said | None = None
        for said in frames:
            await self._pause(previous, said)
            previous = said
            try:
                await self._say(connection, said)
            except ConnectionClosed as closed:
                self._differ(said, _shown(self._recorded(said)), f"connection closed: {closed}")
                return

    async def _say(self, connection: ClientConnection, said: Said) -> None:
        self.result.sent += 1
        if not isinstance(said.frame, Call):
            await connection.send(said.text)
            return
        call = said.frame
        mapped = _with_transactions(call.payload, self.result.transaction_ids)
        text = (
            said.text
            if mapped == call.payload
            else encode(Call(call.message_id, call.action, mapped))
        )
        answer = self._answers[call.message_id] = asyncio.get_running_loop().create_future()
        await connection.send(text)
        replayed: CallResult | CallError | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._answer_timeout_s):
                replayed = await answer
        self._compare(said, replayed)

    def _compare(self, said: Said, replayed: CallResult | CallError | None) -> None:
        recorded = self._recorded(said)
        if recorded is None:
            self.result.uncompared += 1
            return
        self.result.compared += 1
        self._learn_transaction(recorded, replayed)
        was, is_ = (
            _comparable(recorded, self.result.transaction_ids),
            None if replayed is None else _comparable(replayed, {}),
        )
        if was != is_:
            self._differ(said, _shown(recorded), _shown(replayed))

    def _learn_transaction(
        self, recorded: CallResult | CallError, replayed: CallResult | CallError | None
    ) -> None:
        if isinstance(recorded, CallResult) and isinstance(replayed, CallResult):
            old, new = (frame.payload.get("transactionId") for frame in (recorded, replayed))
            if isinstance(old, int) and isinstance(new, int):
                self.result.transaction_ids[old] = new

    def _recorded(self, said: Said) -> CallResult | CallError | None:
        if said.frame is None:
            return None
        return self._recording.answers.get((said.connection_id, said.frame.message_id))

    def _differ(self, said: Said, recorded: str, replayed: str) -> None:
        message_id, action = (
            (said.frame.message_id, said.frame.action)
            if isinstance(said.frame, Call)
            else ("-", "frame")
        )
        self.result.differences.append(AnswerDifference(message_id, action, recorded, replayed))

    async def _pause(self, previous: Said | None, following: Said) -> None:
        if previous is not None and self._speed > 0:
            pause = (following.at - previous.at).total_seconds() / self._speed
            # From when the one before was sent: its answer took a part of the pause.
            due = self._sent_at + pause
            await asyncio.sleep(max(due - asyncio.get_running_loop().time(), 0.0))
        self._sent_at = asyncio.get_running_loop().time()

    async def _read(self, connection: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = decode(await connection.recv(decode=True))
                if isinstance(frame, Call):
                    await connection.send(encode(self._reply(frame)))
                elif frame is not None:
                    self._resolve(frame)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionClosed(None, None))

    def _resolve(self, frame: CallResult | CallError) -> None:
        answer = self._answers.get(frame.message_id)
        if answer is not None and not answer.done():
            answer.set_result(frame)

    def _reply(self, command: Call) -> Frame:
        """Answer a command as the station answered its next one of that kind."""
        self.result.commands += 1
        match next(self._replies.get(command.action, iter(())), None):
            case CallResult(payload=payload):
                return CallResult(command.message_id, payload)
            case CallError(code=code, description=description, details=details):
                return CallError(command.message_id, code, description, details)
            case _:
                return CallError(command.message_id, "NotSupported", "not in the recording", {})


def _with_transactions(payload: Payload, ids: dict[int, int]) -> Payload:
    """Return the payload with the new id of a transaction in place of the recorded one."""
    old = payload.get("transactionId")
    if not isinstance(old, int) or old not in ids:
        return payload
    return {**payload, "transactionId": ids[old]}


def _comparable(frame: CallResult | CallError, ids: dict[int, int]) -> Any:
    if isinstance(frame, CallError):
        return frame.code, frame.description
    payload = _with_transactions(frame.payload, ids)
    return {name: value for name, value in payload.items() if name not in _OF_THE_MOMENT}


def _shown(frame: CallResult | CallError | None) -> str:
    match frame:
        case None:
            return "no answer"
        case CallError(code=code, description=description):
            return f"CALLERROR {code} {description}".rstrip()
        case CallResult(payload=payload):
            return json.dumps(payload, ensure_ascii=False)
