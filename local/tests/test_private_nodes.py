import os
from pathlib import Path

import aio_pika
import asyncpg
import pytest

from csms_local.errors import AlreadyRunningError, StartupError
from csms_local.nodes.postgres import (
    PostgresPrograms,
    choose_programs,
    find_programs,
    major_of,
)
from csms_local.nodes.private import PrivateNodes, running_broker


async def test_the_broker_confirms_a_message_in_a_quorum_queue(private_nodes: PrivateNodes) -> None:
    connection = await aio_pika.connect(private_nodes.broker_url, timeout=10)
    async with connection, connection.channel() as channel:
        queue = await channel.declare_queue(
            "tried", durable=True, arguments={"x-queue-type": "quorum"}, timeout=10
        )
        message = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        confirmed = await channel.default_exchange.publish(message, "tried", timeout=10)
        assert type(confirmed).__name__ == "Ack"
        got = await queue.get(timeout=10)
        await got.ack()
        assert got.body == b"kept"


async def test_the_owner_may_create_schemas_and_roles(private_nodes: PrivateNodes) -> None:
    connection = await asyncpg.connect(private_nodes.database_url, timeout=10)
    try:
        await connection.execute("create role tried login password 'x'; create schema tried")
        assert await connection.fetchval("show server_encoding") == "UTF8"
        assert await connection.fetchval("show fsync") == "off"
    finally:
        await connection.close()


async def test_a_wrong_password_is_refused(private_nodes: PrivateNodes) -> None:
    url = private_nodes.database_url.replace("csms:", "csms:wrong", 1)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url, timeout=10)


def test_a_second_start_on_the_same_folder_is_refused(
    private_nodes: PrivateNodes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(AlreadyRunningError):
        PrivateNodes(private_nodes.home).start()


def test_a_broker_that_runs_is_controlled_from_outside_and_keeps_its_ports(
    private_nodes: PrivateNodes,
) -> None:
    before = (private_nodes.home / "ports.json").read_text()
    [broker] = private_nodes.brokers.values()
    other = running_broker(private_nodes.home)
    assert other.url == broker.url
    assert broker.node_name in other.control("status")
    assert (private_nodes.home / "ports.json").read_text() == before


def test_each_pid_is_the_server_itself(private_nodes: PrivateNodes) -> None:
    names = {
        name: Path(f"/proc/{pid}/comm").read_text().strip()
        for name, pid in private_nodes.pids.items()
    }
    assert names == {"epmd": "epmd", "broker": "beam.smp", "database": "postgres"}


def test_postgres_never_runs_as_root(private_nodes: PrivateNodes) -> None:
    assert os.stat(f"/proc/{private_nodes.pids['database']}").st_uid != 0


async def test_data_survives_a_stop_and_urls_stay_the_same(private_nodes: PrivateNodes) -> None:
    async def run(sql: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(private_nodes.database_url, timeout=10)
        try:
            return await connection.fetch(sql)
        finally:
            await connection.close()

    await run("create table kept as select 42 as answer")
    urls = (private_nodes.broker_url, private_nodes.database_url)
    private_nodes.stop()
    private_nodes.start()
    assert (private_nodes.broker_url, private_nodes.database_url) == urls
    assert [row["answer"] for row in await run("select answer from kept")] == [42]


@pytest.mark.parametrize(
    ("said", "major"), [("postgres (PostgreSQL) 17.2 (Debian 17.2-1)", 17), ("postgres 17", None)]
)
def test_a_program_tells_its_major_and_counts_only_beside_the_others(
    tmp_path: Path, said: str, major: int | None
) -> None:
    program = tmp_path / "postgres"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    assert major_of(tmp_path, "postgres") == major
    assert major_of(tmp_path, "postgres", "initdb") is None


def test_a_data_folder_of_another_major_is_refused_with_a_message(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("12\n")
    with pytest.raises(StartupError, match="written by PostgreSQL 12"):
        choose_programs(tmp_path)


@pytest.mark.parametrize("programs", find_programs(), ids=lambda found: f"major-{found.major}")
def test_a_data_folder_is_served_by_the_major_that_wrote_it(
    tmp_path: Path, programs: PostgresPrograms
) -> None:
    (tmp_path / "PG_VERSION").write_text(f"{programs.major}\n")
    assert choose_programs(tmp_path).major == programs.major
