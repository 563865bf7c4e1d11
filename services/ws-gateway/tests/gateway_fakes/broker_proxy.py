"""A breakable way to the broker."""

import asyncio
import contextlib
from urllib.parse import urlsplit


class BrokerProxy:
    """Stands between the gateway and the broker, and can cut or freeze."""

    def __init__(self, broker_url: str) -> None:
        self._broker = urlsplit(broker_url)
        self._pairs: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._accepting = True
        self.url = ""

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        credentials = f"{self._broker.username}:{self._broker.password}"
        self.url = f"amqp://{credentials}@127.0.0.1:{port}{self._broker.path}"
        return server

    def cut(self) -> None:
        """Drop every connection and take no new one."""
        self._accepting = False
        for writer in list(self._pairs):
            writer.transport.abort()

    def mend(self) -> None:
        self._accepting = True
        self._flowing.set()

    def freeze(self) -> None:
        """Keep the connections open and let nothing through."""
        self._flowing.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._accepting:
            writer.transport.abort()
            return
        host, port = self._broker.hostname, self._broker.port
        broker_reader, broker_writer = await asyncio.open_connection(host, port)
        self._pairs |= {writer, broker_writer}
        try:
            await asyncio.gather(
                self._pump(reader, broker_writer), self._pump(broker_reader, writer)
            )
        finally:
            self._pairs -= {writer, broker_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while sent := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(sent)
                await writer.drain()
        writer.transport.abort()
