"""The freeze guard at the last place before the network: our producers' sockets.

A record passes the guard when it is put into the producer. aiokafka sends it later: when its sender's turn comes, when
the event loop writes (uvloop only at the end of a turn, libuv without asking anybody), when a retry is due. A worker
that is frozen in between has lost its partitions when it wakes, and what it then writes comes after its successor's
newer records (docs/decisions/0013). So bytes leave through a socket of our own here, each time right after a check.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

from aiokafka import AIOKafkaProducer

from pipeline.delivery.guard import FreezeGuard

__all__ = ["GuardedWriter", "guarded"]


class GuardedWriter:
    """In place of the StreamWriter of a connection of aiokafka, which uses `write` and `close` alone. Plain TCP.

    What the socket does not take at once waits here, never in the event loop.
    """

    def __init__(self, writer: asyncio.StreamWriter, guard: FreezeGuard) -> None:
        self._writer = writer
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        # a second descriptor: loops refuse to watch the one that belongs to a transport
        self._socket = socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno()))
        self._socket.setblocking(False)
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Send now, the rest when the socket takes it. Raises OSError when the connection is broken."""
        if not self._waiting:
            sent = self._send(data)
            if sent == len(data):
                return
            self._loop.add_writer(self._socket.fileno(), self._go_on)
            data = data[sent:]
        self._waiting += data

    def close(self) -> None:
        """Close the connection; what still waits is dropped, its request has failed."""
        self._drop()
        self._socket.close()
        self._writer.close()

    def _go_on(self) -> None:
        try:
            sent = self._send(self._waiting)
        except OSError:
            self._drop()
            # aiokafka's reader sees the end of the connection, and closes it
            self._writer.transport.abort()
            return
        del self._waiting[:sent]
        if not self._waiting:
            self._drop()

    def _send(self, data: bytes | bytearray) -> int:
        self._guard.check()
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0

    def _drop(self) -> None:
        self._waiting.clear()
        if self._socket.fileno() >= 0:
            self._loop.remove_writer(self._socket.fileno())


def guarded(producer: AIOKafkaProducer, guard: FreezeGuard) -> AIOKafkaProducer:
    """The same producer; every connection that it gets from now on writes through the guard."""
    client = producer.client
    connect = client._get_conn

    async def get_conn(*args: Any, **given: Any) -> Any:
        conn = await connect(*args, **given)
        if conn is not None and isinstance(conn._writer, asyncio.StreamWriter):
            conn._writer = GuardedWriter(conn._writer, guard)
        return conn

    client._get_conn = get_conn
    return producer
