"""The end of a request: answer confirmed in `portal.results`, then the row is done. Never the other way round."""

from __future__ import annotations

import asyncio

from pipeline.delivery.errors import Transient
from pipeline.delivery.exit import die
from pipeline.delivery.ownership import Lost
from pipeline.delivery.pool import KeyedPool
from pipeline.delivery.producer import ConfirmedProducer
from pipeline.delivery.retry import Backoff
from pipeline.portal.answers import Reply, to_record
from pipeline.portal.book import Book
from pipeline.portal.row import Row

__all__ = ["Completion"]

#: answers on their way to Kafka at once; a portal is not called while this many are unconfirmed
_IN_FLIGHT = 200


class Completion:
    """Writes answers in the background, so that the next call does not wait for Kafka."""

    def __init__(self, book: Book, producer: ConfirmedProducer, backoff: Backoff) -> None:
        self._book = book
        self._producer = producer
        self._backoff = backoff
        self._pool = KeyedPool(_IN_FLIGHT)

    async def submit(self, row: Row, reply: Reply) -> None:
        """Take over a request whose call is over; waits while too many are unconfirmed."""
        await self._pool.submit(None, lambda: self._complete(row, reply))

    async def drain(self, timeout: float) -> None:
        """Wait for all, at most `timeout` seconds; the rest is left to the next owner."""
        await self._pool.drain(timeout)

    async def _complete(self, row: Row, reply: Reply) -> None:
        record = to_record(
            reply,
            answer_id=row.identity,
            message_id=row.message_id or row.identity,
            reply_to=row.reply_to,
            correlation_id=row.correlation_id,
            portal=row.portal,
            attempts=row.attempts,
            source=row.source,
        )
        attempt = 1
        answered = False
        while True:
            try:
                if not answered:
                    await self._producer.send([record])
                    answered = True
                await self._book.done(row)
                return
            except (Lost, asyncio.CancelledError):
                return
            except Transient:
                await asyncio.sleep(self._backoff.pause(attempt))
                attempt += 1
            except Exception as error:
                die(f"answer of request {row.identity} could not be written", error)
