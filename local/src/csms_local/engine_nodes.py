"""Broker and database as containers, where a Docker engine answers (testcontainers)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from docker.client import DockerClient
from docker.errors import DockerException, ImageNotFound
from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.rabbitmq import RabbitMqContainer
from testcontainers.core.config import testcontainers_config

RABBITMQ_IMAGE = "rabbitmq:4-management"
POSTGRES_IMAGE = "postgres:17"
_ENGINE_TIMEOUT_S = 10


def containers_can_be_had() -> bool:
    """Tell whether an engine answers this user and has, or can fetch, both images."""
    try:
        client = DockerClient.from_env(timeout=_ENGINE_TIMEOUT_S)
    except DockerException:
        return False
    try:
        client.ping()
        if not all(_has_image(client, image) for image in (RABBITMQ_IMAGE, POSTGRES_IMAGE)):
            return False
        if not _has_image(client, testcontainers_config.ryuk_image):
            # Ryuk removes containers of a test run that was killed; without it, they are removed
            # at the end of a run only.
            testcontainers_config.ryuk_disabled = True
    except (DockerException, OSError):
        return False
    finally:
        client.close()
    return True


def _has_image(client: DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        try:
            client.images.pull(name)
        except DockerException:
            return False
    return True


@contextmanager
def container_nodes() -> Iterator[tuple[str, str]]:
    """Start both containers; yields the broker's URL and the database owner's URL."""
    with ExitStack() as stack:
        broker = stack.enter_context(RabbitMqContainer(RABBITMQ_IMAGE))
        database = stack.enter_context(PostgresContainer(POSTGRES_IMAGE, driver=None))
        parameters = broker.get_connection_params()
        credentials = parameters.credentials
        yield (
            f"amqp://{credentials.username}:{credentials.password}"
            f"@{parameters.host}:{parameters.port}/",
            database.get_connection_url(),
        )
