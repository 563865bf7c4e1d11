"""Firmware, diagnostics and log jobs (OCPP 1.6, 4.4, 4.5, 5.9, 5.19; whitepaper, L01, N01)."""

import itertools
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from driven_registry import Registry

from csms_local.pytest_scale import every
from csms_shared.broker.topology import COMMAND_ORDERS_KEY
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.jobs import JobDetail
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.runtime.clock import now_ms
from csms_shared.service.inbox import Work
from csms_shared.values.times import format_time_ms
from station_registry.jobs.handlers.jobs import time_out_jobs

SIGNED = {
    "firmware": {
        "location": "https://firmware.example/2.0",
        "retrieveDateTime": "2026-01-01T00:00:00Z",
        "signingCertificate": "PEM",
        "signature": "c2lnbmF0dXJl",
    }
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "UpdateFirmware": {"location": "ftp://f.example/1", "retrieveDate": "2026-01-01T00:00:00Z"},
    "SignedUpdateFirmware": SIGNED,
    "GetDiagnostics": {"location": "https://csms.example/uploads/t/"},
    "GetLog": {
        "logType": "SecurityLog",
        "log": {"remoteLocation": "https://csms.example/uploads/t/"},
    },
}
STATION = "S1"


async def create(registry: Registry, action: str, **fields: Any) -> UUID:
    job_id = new_command_id(now_ms())
    await registry.request(
        "jobs.create",
        job_id=job_id,
        station_id=STATION,
        action=action,
        payload=PAYLOADS[action],
        deadline_ms=now_ms() + 60_000,
        timeout_s=3600,
        created_by="admin",
        **fields,
    )
    return job_id


def ended(job_id: UUID, action: str, response: dict[str, Any] | None = None, **fields: Any) -> Work:
    now = now_ms()
    status = (response or {}).get("status")
    data = {
        "command_id": str(job_id),
        "station_id": STATION,
        "action": action,
        "payload": {**PAYLOADS[action], "requestId": 1},
        "status": "completed",
        "accepted": status in (None, "Accepted", "AcceptedCanceled"),
        "response": response or {},
        "created_by": "admin",
        "created_at": format_time_ms(now - 2_000),
        "sent_at": format_time_ms(now - 1_000),
        "completed_at": format_time_ms(now),
        "deadline": format_time_ms(now + 60_000),
        **fields,
    }
    event = {
        "id": f"{job_id}/{data['status']}",
        "source": "/csms/command-api",
        "type": "csms.command.completed.v1",
        "subject": STATION,
        "time": data["completed_at"],
        "data": data,
    }
    return Work("events.v1", {}, [event])


@pytest.fixture
async def jobs(registry: Registry) -> Registry:
    await registry.send([registry.claim(STATION, "c1")])
    return registry


_seqs = itertools.count(10)


def firmware(registry: Registry, status: str, epoch: int = 1, **more: Any) -> Work:
    return registry.call(
        "FirmwareStatusNotification",
        STATION,
        {"status": status},
        connection_id=f"c{epoch}",
        epoch=epoch,
        seq=next(_seqs),
        **more,
    )


def signed(registry: Registry, status: str, request_id: int | None) -> Work:
    payload = {"status": status} | ({} if request_id is None else {"requestId": request_id})
    return registry.call("SignedFirmwareStatusNotification", STATION, payload, seq=next(_seqs))


async def job(registry: Registry, job_id: UUID) -> JobDetail:
    found: JobDetail = await registry.request("jobs.get", job_id=job_id)
    return found


async def test_a_firmware_update_is_followed_through_a_reboot_and_another_gateway(
    jobs: Registry,
) -> None:
    job_id = await create(jobs, "UpdateFirmware")
    assert (await job(jobs, job_id)).status == "ordered"
    await jobs.send([ended(job_id, "UpdateFirmware")])
    assert (await job(jobs, job_id)).status == "started"
    await jobs.send([firmware(jobs, "Downloading"), firmware(jobs, "Downloaded")])
    assert (await job(jobs, job_id)).status == "running"
    await jobs.send([firmware(jobs, "Installing")])
    await jobs.send([jobs.claim(STATION, "c2", "gw-2")])
    await jobs.send([firmware(jobs, "Installed", epoch=2)])
    done = await job(jobs, job_id)
    assert (done.status, done.result) == ("succeeded", "Installed")
    assert [report.status for report in done.reports] == [
        "Downloading",
        "Downloaded",
        "Installing",
        "Installed",
    ]
    assert done.finished_at is not None
    (finished,) = await jobs.events("job.finished")
    assert finished["data"]["job_id"] == str(job_id)
    assert len(await jobs.events("job.created")) == 1
    assert jobs.parked == []


async def test_a_job_is_ordered_once_with_a_request_id_of_its_own(jobs: Registry) -> None:
    job_id = await create(jobs, "GetLog")
    again = {"job_id": job_id, "station_id": STATION, "action": "GetLog"}
    await jobs.request(
        "jobs.create",
        **again,
        payload=PAYLOADS["GetLog"],
        deadline_ms=now_ms() + 60_000,
        timeout_s=3600,
        created_by="admin",
    )
    rows = await jobs.query(
        "SELECT events FROM outbox WHERE routing_key = :key", key=COMMAND_ORDERS_KEY
    )
    (order,) = [order for row in rows for order in orjson.loads(bytes(row.events))]
    shown = await job(jobs, job_id)
    assert order["order_id"] == str(job_id)
    assert order["payload"]["requestId"] == shown.request_id


async def test_a_command_of_an_operator_makes_a_job_of_its_own(jobs: Registry) -> None:
    job_id = new_command_id(now_ms())
    await jobs.send([ended(job_id, "GetDiagnostics", {"fileName": "diagnostics.zip"})])
    shown = await job(jobs, job_id)
    assert (shown.kind, shown.status, shown.file_name) == (
        "diagnostics",
        "started",
        "diagnostics.zip",
    )


@pytest.mark.parametrize("order", every(4, list(itertools.permutations(range(4)))))
async def test_a_job_ends_the_same_in_whatever_order_its_facts_become_known(
    jobs: Registry, order: tuple[int, ...]
) -> None:
    job_id = new_command_id(now_ms())
    works = [
        ended(job_id, "UpdateFirmware", status="outcome_unknown", accepted=None, response=None),
        ended(job_id, "UpdateFirmware"),
        firmware(jobs, "Downloading"),
        firmware(jobs, "Installed"),
    ]
    for number in order:
        await jobs.send([works[number]])
        await jobs.send([works[number]])
    done = await job(jobs, job_id)
    assert (done.status, done.station_status) == ("succeeded", "Installed")
    assert [report.status for report in done.reports] == ["Downloading", "Installed"]
    ids = [event["id"] for event in await jobs.events("job.finished")]
    assert len(ids) == len(set(ids)) == 1


async def test_signed_reports_belong_to_the_job_of_their_request(jobs: Registry) -> None:
    first = await create(jobs, "SignedUpdateFirmware")
    second = await create(jobs, "SignedUpdateFirmware")
    await jobs.send([ended(first, "SignedUpdateFirmware", {"status": "Accepted"})])
    one, two = [(await job(jobs, name)).request_id for name in (first, second)]
    assert one != two
    await jobs.send([signed(jobs, "InvalidSignature", one), signed(jobs, "Downloading", two)])
    await jobs.send([signed(jobs, "Idle", None), signed(jobs, "Downloading", 2**31 - 1)])
    failed = await job(jobs, first)
    assert (failed.status, failed.result) == ("failed", "InvalidSignature")
    assert (await job(jobs, second)).status == "running"


async def test_a_newer_update_that_cancels_an_older_one_supersedes_it(jobs: Registry) -> None:
    first = await create(jobs, "SignedUpdateFirmware")
    now = now_ms()
    await jobs.send(
        [
            ended(
                first,
                "SignedUpdateFirmware",
                {"status": "Accepted"},
                sent_at=format_time_ms(now - 5_000),
            )
        ]
    )
    second = await create(jobs, "SignedUpdateFirmware")
    await jobs.send([ended(second, "SignedUpdateFirmware", {"status": "AcceptedCanceled"})])
    assert (await job(jobs, first)).status == "superseded"
    assert (await job(jobs, second)).status == "started"


@pytest.mark.parametrize("end_first", [True, False])
async def test_what_follows_a_success_is_of_the_next_job(jobs: Registry, end_first: bool) -> None:
    first = await create(jobs, "UpdateFirmware")
    await jobs.send([ended(first, "UpdateFirmware", sent_at=format_time_ms(now_ms() - 5_000))])
    later, done = firmware(jobs, "Installed"), firmware(jobs, "Installed")
    later.item["seq"], done.item["seq"] = done.item["seq"], later.item["seq"]
    second = await create(jobs, "UpdateFirmware")
    for work in (done, later) if end_first else (later, done):
        work.item["received_ms"] = now_ms() + 1
        await jobs.send([work])
    for _ in range(2):
        shown = [await job(jobs, name) for name in (first, second)]
        assert [one.status for one in shown] == ["succeeded", "succeeded"]
        assert [len(one.reports) for one in shown] == [1, 1]
        await jobs.send([ended(second, "UpdateFirmware")])
    assert len(await jobs.events("job.finished")) == 2


@pytest.mark.parametrize("status", ["InvalidCertificate", "RevokedCertificate", "Rejected"])
async def test_a_refused_update_says_why(jobs: Registry, status: str) -> None:
    job_id = await create(jobs, "SignedUpdateFirmware")
    await jobs.send([ended(job_id, "SignedUpdateFirmware", {"status": status})])
    shown = await job(jobs, job_id)
    assert (shown.status, shown.result) == ("refused", status)


async def test_a_job_that_never_reached_its_station_is_not_sent(jobs: Registry) -> None:
    job_id = await create(jobs, "GetLog")
    work = ended(job_id, "GetLog", status="expired", accepted=None, response=None, sent_at=None)
    await jobs.send([work])
    shown = await job(jobs, job_id)
    assert (shown.status, shown.result) == ("not_sent", "expired")


@pytest.mark.parametrize(
    ("action", "report", "status"),
    [
        ("GetDiagnostics", "DiagnosticsStatusNotification", "Uploaded"),
        ("GetDiagnostics", "DiagnosticsStatusNotification", "UploadFailed"),
        ("GetLog", "LogStatusNotification", "Uploaded"),
        ("GetLog", "LogStatusNotification", "PermissionDenied"),
    ],
)
async def test_an_upload_ends_as_the_station_says(
    jobs: Registry, action: str, report: str, status: str
) -> None:
    job_id = await create(jobs, action)
    answer = {"fileName": "f"} if action == "GetDiagnostics" else {"status": "Accepted"}
    await jobs.send([ended(job_id, action, answer)])
    request_id = (await job(jobs, job_id)).request_id
    named = {} if request_id is None else {"requestId": request_id}
    for step in ("Uploading", status):
        await jobs.send([jobs.call(report, STATION, {"status": step, **named}, seq=next(_seqs))])
    shown = await job(jobs, job_id)
    assert (shown.status, shown.result) == (
        "succeeded" if status == "Uploaded" else "failed",
        status,
    )


async def test_a_silent_job_times_out_and_a_late_report_still_counts(jobs: Registry) -> None:
    job_id = await create(jobs, "UpdateFirmware")
    await jobs.send([ended(job_id, "UpdateFirmware")])
    await jobs.query("UPDATE station_job SET deadline = now() - interval '1 second'")
    async with jobs.engine.begin() as connection:
        await time_out_jobs(connection)
    assert (await job(jobs, job_id)).status == "timed_out"
    later = now_ms() + 10
    await jobs.send([firmware(jobs, "Downloading", received_ms=later)])
    revived = await job(jobs, job_id)
    assert (revived.status, revived.finished_at) == ("running", None)
    assert datetime.fromisoformat(revived.deadline) > datetime.now(UTC)
    await jobs.send([firmware(jobs, "Installed")])
    assert (await job(jobs, job_id)).status == "succeeded"


async def test_jobs_are_listed_newest_first_by_station_kind_and_status(jobs: Registry) -> None:
    made = [await create(jobs, action) for action in ("UpdateFirmware", "GetLog", "GetDiagnostics")]
    page = await jobs.request("jobs.list", limit=2)
    rest = await jobs.request("jobs.list", limit=2, cursor=page.next_cursor)
    listed = [item.job_id for item in (*page.items, *rest.items)]
    assert listed == sorted(map(str, made), reverse=True)
    logs = await jobs.request("jobs.list", kind="log", status="ordered", station_id=STATION)
    assert [item.job_id for item in logs.items] == [str(made[1])]
    assert (await jobs.request("jobs.list", station_id="other")).items == []


async def test_a_job_of_an_unknown_station_or_of_no_action_is_refused(jobs: Registry) -> None:
    good: dict[str, Any] = {
        "job_id": new_command_id(now_ms()),
        "station_id": STATION,
        "action": "GetLog",
        "payload": PAYLOADS["GetLog"],
        "deadline_ms": now_ms(),
        "timeout_s": 60,
        "created_by": "admin",
    }
    for bad, status in (({"station_id": "nobody"}, 404), ({"action": "Reset"}, 422)):
        with pytest.raises(ProblemRaised) as refused:
            await jobs.request("jobs.create", **(good | bad))
        assert refused.value.problem.status == status
    with pytest.raises(ProblemRaised) as missing:
        await job(jobs, new_command_id(1))
    assert missing.value.problem.status == 404
