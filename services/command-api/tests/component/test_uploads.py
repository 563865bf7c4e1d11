"""Uploads in both places, a folder and a bucket: once, whole, and nothing where they fail."""

import asyncio
import errno
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from bucket_server import BucketServer, bucket_server
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import ClientDisconnect

from command_api.database import SCHEMA
from command_api.uploads.domain.places import BucketAccess, BucketPlace
from command_api.uploads.handlers import Uploads
from command_api.uploads.store.bucket import UploadBucket
from command_api.uploads.store.files import FilesAway, NoRoom, UploadFiles
from command_api.uploads.store.folder import UploadFolder
from command_api.uploads.store.rows import Upload
from csms_shared.contracts.command_ids import new_command_id
from csms_shared.contracts.refusals import ProblemRaised
from csms_shared.db.engine import create_engine
from csms_shared.db.tenancy import RequestEngines
from csms_shared.runtime.clock import now_ms
from csms_shared.runtime.settings import SettingsProblem

pytestmark = pytest.mark.asyncio(loop_scope="package")

# More than a part of a bucket, so that the upload goes in several.
LARGE = 12 * 1024 * 1024
MAX_BYTES = 16 * 1024 * 1024
PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A place of uploads, and what it holds, whole and unfinished, seen from outside."""

    files: UploadFiles
    visible: Callable[[], set[str]]
    unfinished: Callable[[], set[str]]


@pytest.fixture(scope="module")
def s3() -> Iterator[BucketServer]:
    with bucket_server() as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, s3: BucketServer, tmp_path: Path) -> Place:
    if request.param == "folder":
        incomplete = tmp_path / "incomplete"
        return Place(
            UploadFolder(tmp_path),
            lambda: {
                path for path in files_below(tmp_path) if not path.startswith(f"{incomplete.name}/")
            },
            lambda: files_below(incomplete),
        )
    bucket = f"b{secrets.token_hex(6)}"
    s3.create(bucket)
    return Place(
        s3.files(bucket, "of/csms"),
        lambda: {key.removeprefix("of/csms/") for key in s3.keys(bucket)},
        lambda: s3.unfinished(bucket),
    )


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest_asyncio.fixture(loop_scope="package")
async def engine(service_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(service_url, SCHEMA, name="test", pool_size=4)
    yield engine
    await engine.dispose()


def _uploads(engine: AsyncEngine, files: UploadFiles) -> Uploads:
    return Uploads(
        RequestEngines(engine, engine),
        files=files,
        public_url="https://x.example",
        max_bytes=MAX_BYTES,
    )


@pytest.fixture
def uploads(engine: AsyncEngine, place: Place) -> Uploads:
    return Uploads(
        RequestEngines(engine, engine),
        files=place.files,
        public_url="https://x.example",
        max_bytes=MAX_BYTES,
    )


async def content(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, PIECE):
        yield b"x" * min(PIECE, size - start)


async def broken_off(size: int) -> AsyncIterator[bytes]:
    async for chunk in content(size):
        yield chunk
    raise ClientDisconnect


async def token_for(uploads: Uploads, job_id: UUID) -> str:
    location = await uploads.location("default", job_id, datetime.now(UTC) + timedelta(hours=1))
    return location.split("/")[-2]


async def received(uploads: Uploads, token: str, size: int) -> Upload:
    return await uploads.receive(token, lambda: "f.log", content(size), "192.0.2.1")


def key_of(upload: Upload) -> str:
    return f"{upload.job_id}/{upload.upload_id}"


@pytest.mark.parametrize("size", [0, 1, LARGE])
async def test_a_file_is_kept_whole_and_read_back(
    uploads: Uploads, place: Place, size: int
) -> None:
    token = await token_for(uploads, new_command_id(now_ms()))
    upload = await received(uploads, token, size)
    assert (upload.size, upload.sha256) == (size, hashlib.sha256(b"x" * size).hexdigest())
    assert place.visible() == {key_of(upload)}
    assert place.unfinished() == set()
    download = await uploads.download(upload)
    assert download is not None
    assert download.size == size
    assert b"".join([chunk async for chunk in download.chunks]) == b"x" * size


@pytest.mark.parametrize("sent", [PIECE, LARGE])
async def test_a_station_that_breaks_off_leaves_nothing_and_may_try_again(
    uploads: Uploads, place: Place, database: asyncpg.Pool, sent: int
) -> None:
    token = await token_for(uploads, new_command_id(now_ms()))
    with pytest.raises(ClientDisconnect):
        await uploads.receive(token, lambda: "f", broken_off(sent), "192.0.2.1")
    assert (place.visible(), place.unfinished()) == (set(), set())
    assert await database.fetchval("SELECT count(*) FROM upload_attempts") == 0
    await received(uploads, token, 1)
    assert len(place.visible()) == 1


async def test_an_upload_that_is_cancelled_on_its_way_leaves_nothing(
    uploads: Uploads, place: Place
) -> None:
    token = await token_for(uploads, new_command_id(now_ms()))
    stalled = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        async for chunk in content(LARGE):
            yield chunk
        stalled.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(uploads.receive(token, lambda: "f", stalling(), "192.0.2.1"))
    async with asyncio.timeout(30):
        await stalled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (place.visible(), place.unfinished()) == (set(), set())


async def test_an_upload_beyond_the_limit_leaves_nothing_and_may_be_tried_again(
    uploads: Uploads, place: Place
) -> None:
    token = await token_for(uploads, new_command_id(now_ms()))
    with pytest.raises(ProblemRaised) as refused:
        await received(uploads, token, MAX_BYTES + 1)
    assert refused.value.problem.status == 413
    assert (place.visible(), place.unfinished()) == (set(), set())
    assert (await received(uploads, token, MAX_BYTES)).size == MAX_BYTES


async def test_of_several_uploads_with_one_token_one_is_kept(
    uploads: Uploads, place: Place
) -> None:
    token = await token_for(uploads, new_command_id(now_ms()))
    results = await asyncio.gather(
        *(received(uploads, token, 1000 + n) for n in range(4)), return_exceptions=True
    )
    kept = [result for result in results if isinstance(result, Upload)]
    refused = [result for result in results if isinstance(result, ProblemRaised)]
    assert (len(kept), len(refused)) == (1, 3)
    assert place.visible() == {key_of(kept[0])}


async def test_a_file_that_comes_again_is_kept_once_and_answered_alike(
    uploads: Uploads, place: Place, database: asyncpg.Pool
) -> None:
    """The station has not got the answer, and tries again while the first is at it or later."""
    job_id = new_command_id(now_ms())
    token = await token_for(uploads, job_id)
    answers = await asyncio.gather(*(received(uploads, token, 1000) for _ in range(3)))
    answers.append(await received(uploads, token, 1000))
    assert len({answer.upload_id for answer in answers}) == 1
    assert place.visible() == {key_of(answers[0])}
    assert place.unfinished() == set()
    assert len(await uploads.of_job("default", job_id)) == 1
    assert await database.fetchval("SELECT count(*) FROM upload_attempts") == 0
    with pytest.raises(ProblemRaised) as refused:
        await received(uploads, token, 1001)
    assert refused.value.problem.status == 409


async def test_more_uploads_than_have_room_in_memory_are_refused_for_now(
    uploads: Uploads, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("command_api.uploads.handlers._TURN_S", 0.01)
    going_on = asyncio.Event()
    begun = asyncio.Semaphore(0)

    async def slow() -> AsyncIterator[bytes]:
        begun.release()
        await going_on.wait()
        yield b"x"

    async def upload() -> Upload:
        token = await token_for(uploads, new_command_id(now_ms()))
        return await uploads.receive(token, lambda: "f", slow(), "192.0.2.1")

    async with asyncio.timeout(30):
        first = [asyncio.create_task(upload()) for _ in range(16)]
        for _ in first:
            await begun.acquire()
        token = await token_for(uploads, new_command_id(now_ms()))
        with pytest.raises(ProblemRaised) as refused:
            await received(uploads, token, 1)
        assert refused.value.problem.status == 503
        going_on.set()
        await asyncio.gather(*first)
        await received(uploads, token, 1)
    assert len(place.visible()) == 17


async def test_a_full_disk_refuses_the_upload_and_leaves_nothing(tmp_path: Path) -> None:
    async def filling() -> AsyncIterator[bytes]:
        yield b"x" * PIECE
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoRoom):
        await UploadFolder(tmp_path).keep("job/upload", filling())
    assert files_below(tmp_path) == set()


async def test_what_a_crash_left_is_deleted_a_day_later(
    uploads: Uploads, place: Place, engine: AsyncEngine, database: asyncpg.Pool
) -> None:
    job_id, upload_id = new_command_id(now_ms()), new_command_id(now_ms())
    key = f"{job_id}/{upload_id}"
    await place.files.keep(key, content(1))
    await database.execute(
        "INSERT INTO upload_attempts (upload_id, job_id) VALUES ($1, $2)", upload_id, job_id
    )
    async with engine.begin() as connection:
        await uploads.purge(connection, 30)
    assert place.visible() == {key}
    await database.execute("UPDATE upload_attempts SET begun_at = now() - interval '25 hours'")
    async with engine.begin() as connection:
        await uploads.purge(connection, 30)
    assert place.visible() == set()
    assert await database.fetchval("SELECT count(*) FROM upload_attempts") == 0


async def test_uploads_are_kept_for_so_many_days(
    uploads: Uploads, place: Place, engine: AsyncEngine, database: asyncpg.Pool
) -> None:
    job_id = new_command_id(now_ms())
    old, new = [await received(uploads, await token_for(uploads, job_id), 1) for _ in range(2)]
    await database.execute(
        "UPDATE uploads SET received_at = now() - interval '31 days' WHERE upload_id = $1",
        old.upload_id,
    )
    async with engine.begin() as connection:
        await uploads.purge(connection, 30)
    assert await uploads.of_job("default", job_id) == [new]
    assert place.visible() == {key_of(new)}
    assert await uploads.download(old) is None


async def test_a_place_that_takes_files_passes_its_check(place: Place) -> None:
    await place.files.check()
    assert (place.visible(), place.unfinished()) == (set(), set())


async def test_a_folder_that_can_not_be_written_is_named_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsProblem, match=r"CSMS_UPLOAD_STORE: .*file"):
        await UploadFolder(tmp_path / "file" / "uploads").check()


async def test_a_bucket_that_does_not_exist_is_named_at_the_start(s3: BucketServer) -> None:
    with pytest.raises(SettingsProblem, match="CSMS_UPLOAD_STORE: there is no bucket nowhere"):
        await s3.files("nowhere").check()


async def test_a_wrong_key_is_named_at_the_start(s3: BucketServer) -> None:
    s3.create("guarded")
    s3.ask_for_credentials(True)
    try:
        with pytest.raises(SettingsProblem, match="CSMS_UPLOAD_S3_ACCESS_KEY_ID"):
            await s3.files("guarded").check()
    finally:
        s3.ask_for_credentials(False)


async def test_a_bucket_that_is_away_refuses_the_upload_for_now_and_keeps_the_token(
    engine: AsyncEngine, s3: BucketServer, database: asyncpg.Pool
) -> None:
    access = BucketAccess("http://127.0.0.1:1", "us-east-1", "k", SecretStr("s"))
    away = UploadBucket(BucketPlace("logs", ""), access)
    uploads = Uploads(
        RequestEngines(engine, engine),
        files=away,
        public_url="https://x.example",
        max_bytes=MAX_BYTES,
    )
    await uploads.check()
    token = await token_for(uploads, new_command_id(now_ms()))
    for size in (1, LARGE):
        with pytest.raises(ProblemRaised) as refused:
            await received(uploads, token, size)
        assert refused.value.problem.status == 503
    # What may be there is looked for later.
    assert await database.fetchval("SELECT count(*) FROM upload_attempts") == 2
    await database.execute("DELETE FROM upload_attempts")
    with pytest.raises(FilesAway):
        await away.size("key")
    s3.create("back")
    back = Uploads(
        RequestEngines(engine, engine),
        files=s3.files("back"),
        public_url="https://x.example",
        max_bytes=MAX_BYTES,
    )
    assert (await received(back, token, 1)).size == 1
