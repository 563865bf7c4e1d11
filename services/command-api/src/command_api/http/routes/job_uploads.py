"""Files that came of jobs, and the ids by which REST names both."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from command_api.http.access.audited_route import AuditedRoute
from command_api.http.access.declarations import ScopedOperator
from command_api.http.state import ask_registry, state_of
from command_api.uploads.store.rows import Upload
from csms_shared.contracts.refusals import refuse
from csms_shared.values.times import format_time

router = APIRouter(tags=["jobs"], route_class=AuditedRoute)

JobId = Annotated[str, Path(min_length=1, max_length=64)]


class UploadView(BaseModel):
    """A file that a station uploaded; `size` in bytes."""

    upload_id: str
    file_name: str
    size: int
    sha256: str
    received_at: str


def upload_view(upload: Upload) -> dict[str, Any]:
    """Return an `UploadView`."""
    return {
        "upload_id": str(upload.upload_id),
        "file_name": upload.file_name,
        "size": upload.size,
        "sha256": upload.sha256,
        "received_at": format_time(upload.received_at),
    }


def job_uuid(job_id: str) -> UUID:
    """Return the id of a job.

    Raises:
        ProblemRaised: 404, no job has such an id.
    """
    try:
        return UUID(job_id)
    except ValueError:
        raise refuse(404, "not_found", f"there is no job {job_id}") from None


@router.get(
    "/jobs/{job_id:segment}/uploads/{upload_id:segment}",
    summary="Download an upload",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The file, as the station sent it.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def download(
    request: Request, operator: ScopedOperator, job_id: JobId, upload_id: JobId
) -> Response:
    """Return a file as the station uploaded it."""
    uploads = state_of(request).uploads
    if operator.scope is not None:
        # It is within their scope, or refused.
        await ask_registry(request, "jobs.get", {"job_id": str(job_uuid(job_id))})
    for upload in await uploads.of_job(operator.acts_for, job_uuid(job_id)):
        if str(upload.upload_id) == upload_id and (file := await uploads.download(upload)):
            return StreamingResponse(
                file.chunks,
                media_type="application/octet-stream",
                headers={
                    "Content-Length": str(file.size),
                    # Nothing in a safe name has to be quoted.
                    "Content-Disposition": f'attachment; filename="{upload.file_name}"',
                    "X-Content-Type-Options": "nosniff",
                    "Cache-Control": "no-store",
                },
            )
    raise refuse(404, "not_found", f"there is no upload {upload_id}")
