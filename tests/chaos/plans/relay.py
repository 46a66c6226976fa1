"""A relay that gives a worker a source address of its own, so that the portals' logs tell workers apart.

Bytes pass as they are. A connection that one side resets or closes is reset or closed at the other side too.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

__all__ = ["Relay"]

_CHUNK = 65536
_AT_ONCE = struct.pack("ii", 1, 0)


class Relay:
    """From a port of 127.0.0.1 to `port` there; its connections come from `source`, one of 127.0.0.0/8."""

    def __init__(self, port: int, source: str) -> None:
        self.source = source
        self._to = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(OSError, asyncio.CancelledError):
            there, here = await asyncio.open_connection("127.0.0.1", self._to, local_addr=(self.source, 0))
            await _both(reader, writer, there, here)
        _reset(writer)


async def _both(
    client: asyncio.StreamReader,
    to_client: asyncio.StreamWriter,
    portal: asyncio.StreamReader,
    to_portal: asyncio.StreamWriter,
) -> None:
    """Until one side ends."""
    up, down = asyncio.create_task(_pump(client, to_portal)), asyncio.create_task(_pump(portal, to_client))
    try:
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        if down.done() and not down.cancelled() and down.exception() is None:
            # the portal has closed in peace: what it said must arrive
            to_client.close()
            with suppress(OSError):
                await to_client.wait_closed()
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        _reset(to_portal)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.transport.is_closing():
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
