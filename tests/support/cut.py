"""A TCP relay before a broker, whose connections can be cut like a network that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Relay:
    """`url` leads to the broker through the relay; `passed` counts bytes towards the client.

    `deaf`: what clients say is swallowed, so the broker hears no ack; `down`: new connections are reset.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname, parts.port
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self.passed = 0
        self.cuts = 0
        self.deaf = False
        self.down = False
        self.url = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._writers |= pair
        try:
            await asyncio.gather(self._copy(reader, far_writer, False), self._copy(far_reader, writer, True))
        finally:
            self._writers -= pair
            for end in pair:
                end.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if count:
                    self.passed += len(data)
                elif self.deaf:
                    continue
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    def cut(self) -> None:
        """Reset every connection that is open now; new ones are taken."""
        self.cuts += 1
        for writer in list(self._writers):
            writer.transport.abort()


@asynccontextmanager
async def relay(target: str) -> AsyncIterator[Relay]:
    """A relay to the broker of an AMQP address."""
    made = Relay(target)
    server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made.url = target.replace(f":{urlsplit(target).port}", f":{port}")
    try:
        yield made
    finally:
        server.close()
        made.cut()
