"""Where uploads are kept, as the environment says it."""

from pathlib import PurePosixPath

import pytest

from command_api.settings import CommandApiSettings
from command_api.uploads.domain.places import BucketPlace, FolderPlace, parse_upload_place
from command_api.uploads.store.bucket import UploadBucket
from command_api.uploads.store.files import UploadFiles
from command_api.uploads.store.folder import UploadFolder
from command_api.uploads.store.places import upload_files
from csms_shared.runtime.settings import SettingsProblem, load_settings

REQUIRED = {
    "CSMS_BROKER_URL": "amqp://broker/",
    "CSMS_DATABASE_URL": "postgresql://database/",
    "CSMS_PROBE_PORT": "0",
    "CSMS_TOKEN_SECRET": "a secret for the tests of this service",
    "CSMS_CREDENTIAL_PEPPER": "pepper of sixteen",
}


def settings_of(monkeypatch: pytest.MonkeyPatch, **given: str) -> CommandApiSettings:
    for name, value in {**REQUIRED, **given}.items():
        monkeypatch.setenv(name, value)
    return load_settings(CommandApiSettings)


def place_of_uploads(settings: CommandApiSettings) -> UploadFiles | None:
    return upload_files(settings.upload_store, settings.bucket_access())


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("file:///var/lib/csms", FolderPlace(PurePosixPath("/var/lib/csms"))),
        ("file:///with%20blank", FolderPlace(PurePosixPath("/with blank"))),
        ("s3://logs", BucketPlace("logs", "")),
        ("s3://logs/", BucketPlace("logs", "")),
        ("s3://my.logs-1/of/csms/", BucketPlace("my.logs-1", "of/csms")),
    ],
)
def test_a_place_of_uploads_is_a_folder_or_a_bucket(
    url: str, place: FolderPlace | BucketPlace
) -> None:
    assert parse_upload_place(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/var/lib/csms",
        "file://",
        "file:///",
        "file://host/folder",
        "https://bucket.s3.amazonaws.com",
        "s3://",
        "s3:///prefix",
        "s3://Bucket",
        "s3://b",
        "s3://bucket?region=x",
        "s3://key:secret@bucket",
    ],
)
def test_a_wrong_place_of_uploads_is_named_at_the_start(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with pytest.raises(SettingsProblem, match=r"^CSMS_UPLOAD_STORE: "):
        settings_of(monkeypatch, CSMS_UPLOAD_STORE=url)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"CSMS_UPLOAD_S3_ENDPOINT": "minio:9000"}, "CSMS_UPLOAD_S3_ENDPOINT"),
        ({"CSMS_UPLOAD_S3_REGION": ""}, "CSMS_UPLOAD_S3_REGION"),
        ({"CSMS_UPLOAD_S3_ACCESS_KEY_ID": "k"}, "CSMS_UPLOAD_S3_SECRET_ACCESS_KEY"),
        ({"CSMS_UPLOAD_S3_SECRET_ACCESS_KEY": "s"}, "CSMS_UPLOAD_S3_SECRET_ACCESS_KEY"),
    ],
)
def test_a_wrong_access_to_the_bucket_is_named_at_the_start(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingsProblem, match=f"^{named}: "):
        settings_of(monkeypatch, CSMS_UPLOAD_STORE="s3://logs", **given)


def test_the_place_follows_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place_of_uploads(settings_of(monkeypatch)) is None
    folder = settings_of(monkeypatch, CSMS_UPLOAD_STORE="file:///var/lib/csms")
    assert isinstance(place_of_uploads(folder), UploadFolder)
    bucket = settings_of(
        monkeypatch,
        CSMS_UPLOAD_STORE="s3://logs/csms",
        CSMS_UPLOAD_S3_ENDPOINT="https://minio.example:9000",
        CSMS_UPLOAD_S3_ACCESS_KEY_ID="k",
        CSMS_UPLOAD_S3_SECRET_ACCESS_KEY="s",
    )
    assert isinstance(place_of_uploads(bucket), UploadBucket)
