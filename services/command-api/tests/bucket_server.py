"""An S3 server in this process, and what its buckets hold."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from command_api.uploads.domain.places import BucketAccess, BucketPlace
from command_api.uploads.store.bucket import UploadBucket


class BucketServer:
    """A server, seen from outside of what is tested."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, trust_env=False)

    def create(self, bucket: str) -> None:
        self._http.put(f"/{bucket}").raise_for_status()

    def keys(self, bucket: str) -> set[str]:
        """Return what is visible in a bucket."""
        return self._found(bucket, {"list-type": "2"})

    def unfinished(self, bucket: str) -> set[str]:
        """Return the keys of uploads in parts that are neither completed nor aborted."""
        return self._found(bucket, {"uploads": ""})

    def ask_for_credentials(self, wanted: bool) -> None:
        """Check keys from now on, or believe everybody again."""
        count = "0" if wanted else "inf"
        self._http.post("/moto-api/reset-auth", content=count).raise_for_status()

    def files(self, bucket: str, prefix: str = "") -> UploadBucket:
        """Return a bucket of this server as the service uses it."""
        access = BucketAccess(self.url, "us-east-1", "key", SecretStr("secret"))
        return UploadBucket(BucketPlace(bucket, prefix), access)

    def _found(self, bucket: str, query: dict[str, str]) -> set[str]:
        answer = self._http.get(f"/{bucket}", params=query)
        answer.raise_for_status()
        return set(re.findall("<Key>(.*?)</Key>", answer.text))


@contextmanager
def bucket_server() -> Iterator[BucketServer]:
    """Run a server on a free port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield BucketServer(f"http://{host}:{port}")
    finally:
        server.stop()
