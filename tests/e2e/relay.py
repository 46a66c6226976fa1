"""The relay of tests/support/cut.py before RabbitMQ, in a thread of its own: for tests that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.cut import Relay, relay


class Wire:
    """The network between a worker and RabbitMQ. What is said here has happened when the call returns."""

    def __init__(self, made: Relay, loop: asyncio.AbstractEventLoop) -> None:
        self.url = made.url
        self._relay = made
        self._loop = loop

    def swallow(self) -> None:
        """RabbitMQ hears nothing more of the worker: no ack, no publish, no heartbeat."""
        self._set(deaf=True)

    def cut(self) -> None:
        """Reset all connections; new ones work."""
        self._set(cut=True)

    def take_down(self) -> None:
        """Reset all connections, and new ones too."""
        self._set(down=True, cut=True)

    def bring_up(self) -> None:
        """New connections work again."""
        self._set()

    def _set(self, *, deaf: bool = False, down: bool = False, cut: bool = False) -> None:
        async def change() -> None:
            self._relay.deaf, self._relay.down = deaf, down
            if cut:
                self._relay.cut()

        asyncio.run_coroutine_threadsafe(change(), self._loop).result(10)


@contextmanager
def wire_to(target: str) -> Iterator[Wire]:
    """A wire to the broker of an AMQP address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    context = relay(target)
    try:
        made = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(10)
        yield Wire(made, loop)
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
