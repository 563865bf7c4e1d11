"""Where what stations upload is kept: a folder, or a bucket of an S3-compatible store."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

# The rules of S3 for names of buckets, as far as a typing error can break them.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """A folder of this machine, absolute."""

    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """A bucket, and what every key in it begins with; an empty prefix is none."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class BucketAccess:
    """How a bucket is reached; without a key, as the variables and roles of AWS say."""

    endpoint: str | None
    region: str
    access_key_id: str | None
    secret_access_key: SecretStr | None


def parse_upload_place(url: str) -> FolderPlace | BucketPlace:
    """Read `file:///folder` or `s3://bucket/prefix`.

    Raises:
        ValueError: it is neither.
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError("takes neither ? nor #")
    path = unquote(parts.path)
    if parts.scheme == "file" and not parts.netloc and len(path) > 1:
        return FolderPlace(PurePosixPath(path))
    if parts.scheme == "s3" and _BUCKET.fullmatch(parts.netloc):
        return BucketPlace(parts.netloc, path.strip("/"))
    raise ValueError("must be file:///folder or s3://bucket/prefix")
