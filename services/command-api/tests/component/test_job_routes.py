"""Jobs through REST, and the files that stations upload for them."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from command_api_fakes import Stations, api_key, is_problem

from command_api.database import SCHEMA
from command_api.uploads.handlers import Uploads
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.jobs import CreateJob
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.engine import create_engine
from csms_shared.db.tenancy import RequestEngines

pytestmark = pytest.mark.asyncio(loop_scope="package")

Answer = dict[str, Any]
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PUBLIC = "https://csms.example/uploads/"


SIGNED = {"location": "x", "signing_certificate": CERTIFICATE, "signature": "c2lnbg=="}
BACKWARDS = {"from": "2026-11-21T00:00:00Z", "to": "2026-11-20T00:00:00Z"}


@pytest.fixture
def created(stations: Stations) -> list[CreateJob]:
    """Jobs that the registry was asked for."""
    jobs: list[CreateJob] = []

    def create(parameters: Answer) -> Answer:
        jobs.append(CreateJob.model_validate(parameters))
        return {"job_id": parameters["job_id"]}

    stations.registry.operations["jobs.create"] = create
    stations.registry.operations["jobs.get"] = lambda parameters: parameters
    stations.registry.operations["jobs.list"] = lambda parameters: {
        "items": [],
        "next_cursor": None,
        "asked": parameters,
    }
    return jobs


async def upload_path(
    admin: httpx.AsyncClient, created: list[CreateJob], **body: Any
) -> tuple[str, str]:
    """Start a diagnostics job; its id, and the path that its file may be sent to."""
    answer = await admin.post("/stations/S1/diagnostics-jobs", json=body)
    assert answer.status_code == 201, answer.text
    location = created[-1].payload["location"]
    assert location.startswith(PUBLIC)
    return answer.json()["job_id"], location.removeprefix("https://csms.example")


async def test_a_firmware_job_is_an_update_with_or_without_a_signature(
    admin: httpx.AsyncClient, created: list[CreateJob]
) -> None:
    plain = {"location": "https://firmware.example/1", "retries": 2}
    answer = await admin.post("/stations/ESC%2F1/firmware-jobs", json=plain)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['job_id']}"
    assert (created[-1].station_id, created[-1].action) == ("ESC/1", "UpdateFirmware")
    assert created[-1].payload["retries"] == 2
    signed = {
        **plain,
        "install_at": "2030-01-01T03:00:00+01:00",
        "signing_certificate": CERTIFICATE,
        "signature": "c2lnbg==",
    }
    assert (await admin.post("/stations/S1/firmware-jobs", json=signed)).status_code == 201
    assert created[-1].action == "SignedUpdateFirmware"
    assert created[-1].payload["firmware"]["installDateTime"] == "2030-01-01T02:00:00.000Z"
    assert created[-1].created_by == "admin"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("firmware-jobs", {}, "location"),
        ("firmware-jobs", {"location": "x", "signature": "s"}, "signature"),
        ("firmware-jobs", {"location": "x", "install_at": "2030-01-01T00:00:00Z"}, "install_at"),
        (
            "firmware-jobs",
            {"location": "x", "hold_until": "2020-01-01T00:00:00Z"},
            "hold_until",
        ),
        ("firmware-jobs", {"location": "x", "timeout_s": 1}, "timeout_s"),
        ("log-jobs", {"log_type": "OtherLog"}, "log_type"),
        ("log-jobs", {"log_type": "SecurityLog", "more": 1}, "more"),
        ("log-jobs", {"log_type": "SecurityLog", **BACKWARDS}, "to"),
        ("diagnostics-jobs", BACKWARDS, "to"),
        ("diagnostics-jobs", {"from": "yesterday"}, "from"),
        ("diagnostics-jobs", {"from": "9999-12-31T23:59:59-12:00"}, "from"),
        ("diagnostics-jobs", {"location": "no address"}, "location"),
        ("log-jobs", {"log_type": "SecurityLog", "location": "no address"}, "location"),
        ("firmware-jobs", {**SIGNED, "signing_certificate": "x"}, "signing_certificate"),
        ("firmware-jobs", {**SIGNED, "signature": "!"}, "signature"),
        ("firmware-jobs", {**SIGNED, "signature": " \n"}, "signature"),
        ("firmware-jobs", {**SIGNED, "location": "no address"}, "location"),
        ("firmware-jobs", {**SIGNED, "install_at": "2020-01-01T00:00:00Z"}, "install_at"),
    ],
)
async def test_a_job_that_can_not_be_is_refused(
    admin: httpx.AsyncClient, created: list[CreateJob], path: str, body: Answer, field: str
) -> None:
    answer = await admin.post(f"/stations/S1/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert created == []


async def test_a_log_comes_to_the_suite_unless_told_otherwise(
    admin: httpx.AsyncClient, created: list[CreateJob]
) -> None:
    body = {"log_type": "SecurityLog", "from": "2026-01-01T00:00:00Z"}
    assert (await admin.post("/stations/S1/log-jobs", json=body)).status_code == 201
    log = created[-1].payload["log"]
    assert log["remoteLocation"].startswith(PUBLIC)
    assert log["oldestTimestamp"] == "2026-01-01T00:00:00.000Z"
    elsewhere = {"log_type": "SecurityLog", "location": "ftp://logs.example/in"}
    assert (await admin.post("/stations/S1/log-jobs", json=elsewhere)).status_code == 201
    assert created[-1].payload["log"] == {"remoteLocation": "ftp://logs.example/in"}


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_an_upload_is_kept_once_and_can_be_downloaded(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, created: list[CreateJob], method: str
) -> None:
    job_id, path = await upload_path(admin, created)
    content = bytes(range(256)) * 1000
    answer = await nobody.request(method, path + "diag%20nostics.zip", content=content)
    assert answer.status_code == 201, answer.text
    again = await nobody.request(method, path + "other.zip", content=b"x")
    is_problem(again, 409, "upload_done")
    shown = (await admin.get(f"/jobs/{job_id}")).json()
    (upload,) = shown["uploads"]
    assert (upload["file_name"], upload["size"]) == ("diag_nostics.zip", len(content))
    assert upload["sha256"] == hashlib.sha256(content).hexdigest()
    file = await admin.get(f"/jobs/{job_id}/uploads/{upload['upload_id']}")
    assert file.content == content
    assert "diag_nostics.zip" in file.headers["content-disposition"]
    is_problem(await admin.get(f"/jobs/{job_id}/uploads/none"), 404, "not_found")


@pytest.mark.parametrize("name", ["", "form.txt"])
async def test_an_upload_may_be_a_form(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, created: list[CreateJob], name: str
) -> None:
    job_id, path = await upload_path(admin, created)
    content = b"\r\n--not-the-boundary\r\n" * 5000
    answer = await nobody.post(
        path + name, files={"file": ("inside.log", content)}, data={"field": "value"}
    )
    assert answer.status_code == 201, answer.text
    (upload,) = (await admin.get(f"/jobs/{job_id}")).json()["uploads"]
    assert upload["file_name"] == name or "inside.log"
    assert upload["sha256"] == hashlib.sha256(content).hexdigest()


async def test_an_upload_beyond_the_limit_is_refused_and_may_be_tried_again(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, created: list[CreateJob]
) -> None:
    job_id, path = await upload_path(admin, created)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 65_536
            await asyncio.sleep(0)

    # The connection may break where the answer comes while the client still writes.
    with contextlib.suppress(httpx.TransportError):
        is_problem(await nobody.put(path, content=endless()), 413, "too_large")
    assert (await nobody.put(path, content=b"small")).status_code == 201
    (upload,) = (await admin.get(f"/jobs/{job_id}")).json()["uploads"]
    assert upload["size"] == 5


async def test_of_two_uploads_at_once_one_counts(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, created: list[CreateJob]
) -> None:
    job_id, path = await upload_path(admin, created)
    answers = await asyncio.gather(*(nobody.put(path, content=b"x" * n) for n in range(1, 6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert len((await admin.get(f"/jobs/{job_id}")).json()["uploads"]) == 1


async def test_a_token_that_is_unknown_or_expired_takes_nothing(
    admin: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    created: list[CreateJob],
    database: asyncpg.Pool,
) -> None:
    _, path = await upload_path(admin, created)
    await database.execute("UPDATE upload_tokens SET expires_at = now() WHERE used_at IS NULL")
    for wrong in (path, "/uploads/unknown/f.zip", "/uploads/unknown"):
        is_problem(await nobody.put(wrong, content=b"x"), 404, "not_found")
    assert (await nobody.get(path)).status_code == 405


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"no form"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n',
        ),
    ],
)
async def test_a_form_without_a_file_is_refused(
    admin: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    created: list[CreateJob],
    content_type: str,
    content: bytes,
) -> None:
    job_id, path = await upload_path(admin, created)
    answer = await nobody.post(path, content=content, headers={"Content-Type": content_type})
    is_problem(answer, 422, "validation_failed")
    assert (await admin.get(f"/jobs/{job_id}")).json()["uploads"] == []


async def test_viewers_see_jobs_and_neither_start_them_nor_read_files(
    admin: httpx.AsyncClient, nobody: httpx.AsyncClient, created: list[CreateJob]
) -> None:
    viewer = await api_key(admin, "viewer")
    jobs = await nobody.get("/api/v1/jobs?kind=log&status=failed", headers=viewer)
    assert jobs.json()["asked"] == {"kind": "log", "status": "failed", "limit": 50}
    for path in ("firmware-jobs", "diagnostics-jobs", "log-jobs"):
        answer = await nobody.post(
            f"/api/v1/stations/S1/{path}",
            json={"location": "x", "log_type": "SecurityLog"},
            headers=viewer,
        )
        assert answer.status_code in (403, 422)
    is_problem(await nobody.get("/api/v1/jobs/x/uploads/y", headers=viewer), 403, "forbidden")
    assert created == []


async def test_without_a_place_for_it_a_job_needs_a_location(service_url: str) -> None:
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=1)
    uploads = Uploads(RequestEngines(engine, engine), files=None, public_url=None, max_bytes=100)
    with pytest.raises(ProblemRaised) as refused:
        await uploads.location("default", new_command_id(1), datetime.now(UTC))
    assert refused.value.problem.code == "no_upload_receiver"
    await engine.dispose()
