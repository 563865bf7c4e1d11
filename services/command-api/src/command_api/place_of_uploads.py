"""The place of uploads that the settings name."""

from pathlib import Path

from command_api.settings import CommandApiSettings
from command_api.uploads.domain.places import FolderPlace, parse_upload_place
from command_api.uploads.store.bucket import BucketAccess, UploadBucket
from command_api.uploads.store.files import UploadFiles
from command_api.uploads.store.folder import UploadFolder


def place_of_uploads(settings: CommandApiSettings) -> UploadFiles | None:
    """Return what keeps uploads, None where this installation receives none."""
    if settings.upload_store is None:
        return None
    place = parse_upload_place(settings.upload_store)
    if isinstance(place, FolderPlace):
        return UploadFolder(Path(place.path))
    access = BucketAccess(
        endpoint=settings.upload_s3_endpoint,
        region=settings.upload_s3_region,
        access_key_id=settings.upload_s3_access_key_id,
        secret_access_key=settings.upload_s3_secret_access_key,
    )
    return UploadBucket(place, access)
