"""I3 and I4: a command is written at most once and in time, and comes to an end that is true."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from csms_simulator.ledger import Ledger, ReceivedCommand
from tests.faults.command_load import AcceptedCommand
from tests.faults.event_tap import EventTap
from tests.faults.faulty_suite import FaultySuite
from tests.faults.violations import Violation
from tests.faults.watch import Away

OPEN = ("waiting", "pending", "sent")
NEVER_WRITTEN = ("station_offline", "expired")
ANSWER_TIMEOUT_S, GRACE_S = 30, 5
# The sweeper looks every few seconds, and its machine is shared with everything else here.
_SWEEP_SLACK = timedelta(seconds=15)
# Between our clock when a frame was read and the gateway's when it was written.
_READING_SLACK = timedelta(seconds=2)
_POLL_S = 1.0
_COMMANDS = """
    SELECT command_id::text AS id, station_id, action, status, response, error, created_at,
           sent_at, completed_at, deadline
    FROM command.commands WHERE station_id = ANY($1) ORDER BY command_id
"""

Row = dict[str, Any]


async def check_commands(
    suite: FaultySuite,
    ledger: Ledger,
    station_ids: Sequence[str],
    accepted: Sequence[AcceptedCommand],
    within: float,
    clock_s: float = 0.0,
    away: Sequence[Away] = (),
) -> tuple[list[Row], list[Violation]]:
    """Wait until every command is final, then hold each against what its station received.

    `clock_s` is how far the clock of command-api, which sets the deadlines, runs ahead of ours;
    `away` are the times in which it was not ready.
    """
    deadline = asyncio.get_running_loop().time() + within
    while True:
        rows = await _stored(suite, station_ids)
        still_open = [row for row in rows if row["status"] in OPEN]
        if not still_open or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(_POLL_S)
    violations = [
        Violation("I4", f"command {row['id']} ({row['action']}) is still {row['status']}")
        for row in still_open
    ]
    known = {row["id"] for row in rows}
    violations += [
        Violation("I4", f"command {one.command_id} ({one.action}) was accepted and is unknown")
        for one in accepted
        if one.command_id not in known
    ]
    received: defaultdict[str, list[ReceivedCommand]] = defaultdict(list)
    for call in ledger.commands:
        received[call.message_id].append(call)
    endings = _endings(suite.tap)
    for row in rows:
        violations += judge_command(row, received[row["id"]], timedelta(seconds=clock_s))
        violations += judge_endings(row, endings[row["id"]], away)
    return rows, violations


async def _stored(suite: FaultySuite, station_ids: Sequence[str]) -> list[Row]:
    async with suite.database() as database:
        return [dict(row) for row in await database.fetch(_COMMANDS, list(station_ids))]


def judge_command(
    row: Row, received: Sequence[ReceivedCommand], ahead: timedelta
) -> list[Violation]:
    """Hold a stored command against what its station received (I3, I4)."""
    name = f"command {row['id']} ({row['action']}, {row['status']})"
    violations = []
    if len(received) > 1:
        violations.append(Violation("I3", f"{name} was written {len(received)} times"))
    busy = row["error"] is not None and orjson.loads(row["error"])["code"] == "BUSY"
    if received and (row["status"] in NEVER_WRITTEN or busy):
        violations.append(Violation("I4", f"{name} had been written"))
    if received and received[0].received_at + ahead > row["deadline"] + _READING_SLACK:
        violations.append(Violation("I3", f"{name} was written after its deadline"))
    if row["status"] == "completed":
        answers = [call.answer for call in received]
        response = None if row["response"] is None else orjson.loads(row["response"])
        if response not in answers:
            violations.append(Violation("I4", f"{name} has {response}, the station gave {answers}"))
    return violations


def judge_endings(row: Row, endings: set[str], away: Sequence[Away]) -> list[Violation]:
    """Judge the ends that a command was said to have: one, in time, or a late one once (I4).

    What falls due while nothing can be ended is due when that is over.
    """
    name = f"command {row['id']} ({row['action']}, {row['status']})"
    if row["status"] in OPEN:
        return []
    late = endings - {"outcome_unknown"}
    if len(late) > 1 or (len(endings) > 1 and row["status"] not in ("completed", "error")):
        return [Violation("I4", f"{name} ended as {sorted(endings)}")]
    due = (row["sent_at"] or row["deadline"]) + timedelta(seconds=ANSWER_TIMEOUT_S + GRACE_S)
    for absence in away:
        if absence.since <= due + _SWEEP_SLACK:
            due = max(due, absence.until)
    if len(endings) == 1 and row["completed_at"] > due + _SWEEP_SLACK:
        return [Violation("I4", f"{name} ended at {row['completed_at']}, due by {due}")]
    return []


def _endings(tap: EventTap) -> defaultdict[str, set[str]]:
    """Return the final states that each command was said to have."""
    endings: defaultdict[str, set[str]] = defaultdict(set)
    for event in tap.of_type("command.completed"):
        endings[event["data"]["command_id"]].add(event["data"]["status"])
    return endings
