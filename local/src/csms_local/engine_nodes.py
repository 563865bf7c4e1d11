"""Broker and database as containers, where a Docker engine answers (testcontainers)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from docker.client import DockerClient
from docker.errors import DockerException
from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.rabbitmq import RabbitMqContainer

RABBITMQ_IMAGE = "rabbitmq:4-management"
POSTGRES_IMAGE = "postgres:17"
_ENGINE_TIMEOUT_S = 3


def engine_answers() -> bool:
    """Tell whether a Docker engine can be used by this user."""
    try:
        client = DockerClient.from_env(timeout=_ENGINE_TIMEOUT_S)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except DockerException:
        return False
    finally:
        client.close()


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
