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
        self._run(lambda: setattr(self._relay, "deaf", True))

    def cut(self) -> None:
        """Reset all connections; new ones work."""
        self._run(lambda: (setattr(self._relay, "deaf", False), self._relay.cut()))

    def take_down(self) -> None:
        """Reset all connections, and new ones too."""
        self._run(lambda: (setattr(self._relay, "down", True), self._relay.cut()))

    def bring_up(self) -> None:
        """New connections work again."""
        self._run(lambda: setattr(self._relay, "down", False))

    def _run(self, change: object) -> None:
        async def run() -> None:
            assert callable(change)
            change()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)


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
