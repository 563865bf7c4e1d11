"""Firmware, diagnostics and log jobs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from command_api.accounts.domain.roles import Principal
from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import ScopedViewer, StationOperator
from command_api.http.answers.documents import LOCATED, Json
from command_api.http.requests.idempotency import IdempotencyKey, made_once
from command_api.http.requests.parameters import DEFAULT_LIMIT, Cursor, Limit, StationId, given
from command_api.http.routes.job_bodies import (
    NewDiagnosticsJob,
    NewFirmwareJob,
    NewJob,
    NewLogJob,
    firmware_job,
    upload_job,
)
from command_api.http.routes.job_uploads import JobId, UploadView, job_uuid, upload_view
from command_api.http.state import ask_registry, state_of
from command_api.jobs import domain
from command_api.ocpp.v16.jobs import job_request
from csms_shared.contracts.jobs import JobDetail, JobKind, JobStatus, JobView
from csms_shared.contracts.pages import Page
from csms_shared.contracts.refusals import refuse
from csms_shared.runtime.clock import utc_now

router = APIRouter(tags=["jobs"], route_class=AuditedRoute)

_SEND_DEFAULT = timedelta(hours=1)
_SEND_LONGEST = timedelta(days=7)


class JobWithUploads(JobDetail):
    """A job with every status that its station reported, and what it uploaded to this suite."""

    uploads: list[UploadView]


@router.post(
    "/stations/{station_id:segment}/firmware-jobs",
    response_model=JobDetail,
    status_code=201,
    responses={201: LOCATED},
    summary="Update a station's firmware",
)
async def update_firmware(
    request: Request,
    principal: StationOperator,
    station_id: StationId,
    body: NewFirmwareJob,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Order UpdateFirmware, or SignedUpdateFirmware where a signature is given."""
    return await _create(
        request, principal, idempotency_key, station_id, body, lambda: firmware_job(body)
    )


@router.post(
    "/stations/{station_id:segment}/diagnostics-jobs",
    response_model=JobDetail,
    status_code=201,
    responses={201: LOCATED},
    summary="Get a station's diagnostics",
)
async def get_diagnostics(
    request: Request,
    principal: StationOperator,
    station_id: StationId,
    body: NewDiagnosticsJob,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Order GetDiagnostics."""
    return await _create(
        request, principal, idempotency_key, station_id, body, lambda: upload_job(body)
    )


@router.post(
    "/stations/{station_id:segment}/log-jobs",
    response_model=JobDetail,
    status_code=201,
    responses={201: LOCATED},
    summary="Get a log of a station",
)
async def get_log(
    request: Request,
    principal: StationOperator,
    station_id: StationId,
    body: NewLogJob,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Order GetLog."""
    return await _create(
        request, principal, idempotency_key, station_id, body, lambda: upload_job(body)
    )


@router.get("/jobs", response_model=Page[JobView], summary="List jobs")
async def list_jobs(
    request: Request,
    _: ScopedViewer,
    station_id: str | None = None,
    kind: JobKind | None = None,
    status: JobStatus | None = None,
    rollout_id: UUID | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Return jobs, newest first."""
    filters = given(
        station_id=station_id,
        kind=kind,
        status=status,
        rollout_id=None if rollout_id is None else str(rollout_id),
        limit=limit,
        cursor=cursor,
    )
    return Json(await ask_registry(request, "jobs.list", filters))


@router.get("/jobs/{job_id:segment}", response_model=JobWithUploads, summary="Get a job")
async def get_job(request: Request, viewer: ScopedViewer, job_id: JobId) -> Response:
    """Return one job with what its station reported and uploaded."""
    parsed = job_uuid(job_id)
    job = await ask_registry(request, "jobs.get", {"job_id": str(parsed)})
    uploads = await state_of(request).uploads.of_job(viewer.acts_for, parsed)
    return Json({**job, "uploads": [upload_view(upload) for upload in uploads]})


async def _create(
    request: Request,
    principal: Principal,
    idempotency_key: str | None,
    station_id: str,
    body: NewFirmwareJob | NewDiagnosticsJob,
    ordered: Callable[[], domain.Firmware | domain.Upload],
) -> Response:
    async def make(job_id: UUID) -> dict[str, Any]:
        job = ordered()
        send_by = _send_by(body)
        if job.location is None:
            expires_at = send_by + timedelta(0, body.timeout_s)
            uploads = state_of(request).uploads
            location = await uploads.location(principal.acts_for, job_id, expires_at)
            job = replace(job, location=location)
        action, payload = job_request(job)
        wanted = {
            "job_id": str(job_id),
            "station_id": station_id,
            "action": action,
            "payload": payload,
            "deadline_ms": round(send_by.timestamp() * 1000),
            "timeout_s": body.timeout_s,
            "created_by": principal.name,
        }
        made: dict[str, Any] = await ask_registry(request, "jobs.create", wanted)
        return made

    job_id, made = await made_once(
        request,
        principal,
        idempotency_key,
        make,
        lambda job_id: ask_registry(request, "jobs.get", {"job_id": str(job_id)}),
    )
    return Json(made, 201, {"Location": f"/api/v1/jobs/{job_id}"})


def _send_by(body: NewJob) -> datetime:
    now = utc_now()
    send_by = body.hold_until or now + _SEND_DEFAULT
    if not now < send_by <= now + _SEND_LONGEST:
        raise refuse(
            422,
            "validation_failed",
            "hold_until must lie within the next 7 days",
            ("hold_until", "must lie within the next 7 days"),
        )
    return send_by
