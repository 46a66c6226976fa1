"""Bytes in, bytes out: decoding is the flow's, where a bad message becomes a dead letter (reference: Faust, 1.8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import faust
from faust.types import AppT, EventT, Message

__all__ = ["RawSchema"]


class RawSchema(faust.Schema[bytes, bytes]):
    """A schema that takes key and value as they came; Faust's own looks up codecs for each message."""

    def compile(self, app: AppT, **callbacks: Any) -> Callable[..., Awaitable[EventT[Any]]]:
        """The decoder of a channel."""
        create_event = app.create_event

        async def decode(message: Message, *, propagate: bool = False) -> EventT[Any]:
            return create_event(message.key, message.value, message.headers, message)

        return decode
