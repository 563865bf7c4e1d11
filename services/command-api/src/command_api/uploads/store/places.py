"""What keeps uploads in the place that the settings name."""

from pathlib import Path

from command_api.uploads.domain.places import BucketAccess, FolderPlace, parse_upload_place
from command_api.uploads.store.bucket import UploadBucket
from command_api.uploads.store.files import UploadFiles
from command_api.uploads.store.folder import UploadFolder


def upload_files(url: str | None, access: BucketAccess) -> UploadFiles | None:
    """Return what keeps uploads at this address, None where this installation receives none."""
    if url is None:
        return None
    place = parse_upload_place(url)
    if isinstance(place, FolderPlace):
        return UploadFolder(Path(place.path))
    return UploadBucket(place, access)
