"""How aiormq says that a channel or a connection is gone, put into the taxonomy in one place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiormq.exceptions import AMQPError

from pipeline.delivery.errors import Transient

__all__ = ["CHANNEL_FAULTS", "amqp_faults", "describe", "is_cancelled"]

#: What aiormq raises for a channel or connection that is closed, closing or refused. RuntimeError: its
#: ChannelInvalidStateError, and the bare one of Connection.channel().
CHANNEL_FAULTS = (AMQPError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)


def is_cancelled() -> bool:
    """Is the current task itself being cancelled? aiormq also raises CancelledError when it only lost its peer."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def describe(error: BaseException) -> str:
    """One line for logs and pages: class, and the server's text."""
    text = " ".join(str(part) for part in error.args if part is not None) or str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def amqp_faults(doing: str) -> Iterator[None]:
    """Everything that aiormq raises for a lost peer becomes Transient; a cancellation of ours stays one."""
    try:
        yield
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        raise Transient(f"{doing}: the connection to RabbitMQ was lost") from None
    except CHANNEL_FAULTS as error:
        raise Transient(f"{doing}: {describe(error)}") from error
