"""The end of a request: answer confirmed in `portal.results`, then the row is done. Never the other way round.

What goes with the answer (a dead letter, the outcome of a run's item) is confirmed before it: a next owner who finds
the answer writes the row as done and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pipeline.delivery.errors import BadInput, Oversize, Transient
from pipeline.delivery.exit import die
from pipeline.delivery.ownership import Lost
from pipeline.delivery.pool import KeyedPool
from pipeline.delivery.producer import ConfirmedProducer
from pipeline.delivery.records import Record
from pipeline.delivery.retry import Backoff
from pipeline.portal.requests.answers import Reply, failed, to_record
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.row import Row
from pipeline.portal.requests.run_outcomes import run_outcome

__all__ = ["Completion"]

#: answers on their way to Kafka at once; a portal is not called while this many are unconfirmed
_IN_FLIGHT = 200
#: seconds that answers of a busy portal wait for each other: few, full requests to Kafka instead of two for each
_GATHER = 0.015
#: bytes; a refusal of an answer shorter than this is not about its length
_SHORT = 4096


class Completion:
    """Writes answers in the background, so that the next call does not wait for Kafka."""

    def __init__(self, book: Book, producer: ConfirmedProducer, backoff: Backoff) -> None:
        self._book = book
        self._producer = producer
        self._backoff = backoff
        self._pool = KeyedPool(_IN_FLIGHT)
        self._window: asyncio.Event | None = None

    async def submit(
        self,
        row: Row,
        reply: Reply,
        *,
        letter: Record | None = None,
        busy: bool = False,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Take over a request that is over; waits while too many are unconfirmed.

        `letter`: a dead letter that is written with the answer; `busy`: more calls follow at once, so this answer may
        wait a moment for theirs; `then` is called when the row is done.
        """
        # a row with order keys lets the next one of them go only when it is done: else a crash could leave it to be
        # settled after that one, so it does not wait for others
        await self._pool.submit(None, lambda: self._complete(row, reply, letter, busy and not row.keys, then))

    async def drain(self, timeout: float) -> None:
        """Wait for all, at most `timeout` seconds; the rest is left to the next owner."""
        await self._pool.drain(timeout)

    async def _gathered(self) -> None:
        """Until the window that is open now closes; the first one opens it."""
        window = self._window
        if window is None:
            window = self._window = asyncio.Event()
            asyncio.get_running_loop().call_later(_GATHER, self._close, window)
        await window.wait()

    def _close(self, window: asyncio.Event) -> None:
        self._window = None
        window.set()

    async def answered(self, row: Row) -> None:
        """The answer is in `portal.results` already: write that the row is done.

        Raises:
            Lost: the partition is no longer ours.
        """
        await self._backoff.insist(lambda: self._book.done(row))

    async def _complete(
        self, row: Row, reply: Reply, letter: Record | None, gather: bool, then: Callable[[], None]
    ) -> None:
        if gather:
            await self._gathered()
        if await self._write(row, reply, letter):
            then()

    async def _write(self, row: Row, reply: Reply, letter: Record | None) -> bool:
        """False: the portal is not ours any more."""
        record = _record(row, reply)
        beside = [one for one in (letter, run_outcome(row.run, row.source, reply)) if one is not None]
        attempt = 1
        while True:
            try:
                if beside:
                    await self._producer.send(beside)
                    beside = []
                await self._producer.send([record])
                await self.answered(row)
                return True
            except (Lost, asyncio.CancelledError):
                return False
            except Transient:
                await asyncio.sleep(self._backoff.pause(attempt))
                attempt += 1
            except BadInput as error:
                if len(record.value or b"") < _SHORT:
                    die(f"answer of request {row.identity} could not be written", error)
                # it was executed: a worker that ended here would execute it again and again
                too_long = Oversize(
                    f"executed, but the answer of {len(reply.body)} bytes is longer than Kafka takes here; "
                    "it will not be executed again"
                )
                record = _record(row, Reply(reply.status, failed(too_long).body, too_long.error_class))
            except Exception as error:
                die(f"answer of request {row.identity} could not be written", error)


def _record(row: Row, reply: Reply) -> Record:
    return to_record(
        reply,
        answer_id=row.identity,
        message_id=row.message_id or row.identity,
        reply_to=row.reply_to,
        correlation_id=row.correlation_id,
        portal=row.portal,
        attempts=row.attempts,
        source=row.source,
    )
