"""Intake: a record of a request lane becomes a waiting row, and is acked at once (design, section 5).

So commits never wait for a portal. Bad input is answered here, with a dead letter beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from pipeline.delivery import metrics
from pipeline.delivery.dead_letters import dead_letter
from pipeline.delivery.errors import Auth, BadInput, Permanent, PipelineError
from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.ownership import Lost
from pipeline.delivery.records import Record
from pipeline.delivery.runs import passed_on
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.requests.answers import failed, to_record
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.inspect import fingerprint, inspect
from pipeline.portal.requests.lanes import TOPICS, Lane
from pipeline.portal.requests.row import Row, new_row, seen_key
from pipeline.portal.requests.run_outcomes import run_outcome
from pipeline.portal.sending.scheduler import Entry
from pipeline.settings import Settings

__all__ = ["Intake"]

_AGENTS: dict[Lane, str] = {"i": "portal-intake-interactive", "b": "portal-intake-bulk"}
#: Requests of a lane that are taken in at once (None: the setting). Few bulk ones, or a load of thousands would hold up
#: each step of an interactive one; they are enough to keep Kafka busy.
_AT_ONCE: dict[Lane, int | None] = {"i": None, "b": 20}


class Intake:
    """`enqueue` hands an accepted request to its portal's scheduler; `room` tells whether more may be taken in.

    `send` is that of a ConfirmedProducer: it returns when Kafka has acknowledged all.
    """

    def __init__(
        self,
        settings: Settings,
        book: Book,
        credentials: Credentials,
        enqueue: Callable[[Entry], None],
        room: Callable[[], bool],
        send: Callable[[Iterable[Record]], Awaitable[object]],
    ) -> None:
        self._settings = settings
        self._book = book
        self._credentials = credentials
        self._enqueue = enqueue
        self._room = room
        self._send = send
        self._changed = asyncio.Event()
        #: requests that are being written now, by what a copy of them is recognised by; the event is set at the end
        self._writing: dict[str, asyncio.Event] = {}
        self._closed = False

    def flows(self) -> tuple[Flow, ...]:
        """The two agents."""
        return tuple(
            Flow(
                name=name,
                topics=(TOPICS[lane],),
                handler=self._handler(lane),
                key=lambda event: None,
                in_flight=_AT_ONCE[lane],
                on_dead=lambda event, error, lane=lane: self._answers(event, lane, error),  # type: ignore[misc]
            )
            for lane, name in _AGENTS.items()
        )

    def open(self) -> None:
        """Partitions are owned: take in."""
        self._closed = False

    def close(self) -> None:
        """Partitions go: whoever waits for room leaves its record to the next owner."""
        self._closed = True
        self._changed.set()

    def has_room(self) -> None:
        """A request was finished."""
        if not self._changed.is_set():
            self._changed.set()

    def _handler(self, lane: Lane) -> Any:
        async def handle(event: Event[bytes]) -> Iterable[Record]:
            applied = self._book.applied(lane, event.partition)
            applied.begin(event.offset)
            # an offset that counts as applied is never looked at again: a refusal must be in Kafka before it does
            await self._send(await self._take(event, lane))
            applied.end(event.offset)
            return ()

        return handle

    async def _take(self, event: Event[bytes], lane: Lane) -> Iterable[Record]:
        applied = self._book.applied(lane, event.partition)
        if self._book.find(lane, event.partition, event.offset) is not None:
            return ()  # delivered again: it has its row
        if event.offset <= applied.through:
            return ()  # finished so long ago that its row has expired
        try:
            request = inspect(
                event.headers,
                event.key,
                event.raw,
                credentials=self._credentials,
                body_limit=self._settings.body_limit,
            )
        except (BadInput, Auth) as error:
            return self._refuse(event, lane, error)
        seen = ""
        if request.source == "amqp":
            seen = seen_key(request.message_id, fingerprint(event.headers, event.raw))
            if request.redelivered:
                while (earlier := self._writing.get(seen)) is not None:
                    await earlier.wait()
                if self._book.earlier_copy(event.partition, seen) is not None:
                    return ()  # RabbitMQ gave us the same message twice: one request, one answer
        row = new_row(
            request,
            lane,
            event.partition,
            applied.epoch,
            event.offset,
            accepted=time.time(),
            seen=seen,
            strict=self._settings.strict_order,
        )
        await self._accept(row)
        row.body = b""
        self._enqueue(Entry(row))
        return ()

    async def _accept(self, row: Row) -> None:
        written = asyncio.Event()
        if row.seen:
            self._writing[row.seen] = written
        try:
            await self._wait_for_room()
            await self._book.accept(row)
        finally:
            if self._writing.get(row.seen) is written:
                del self._writing[row.seen]
            written.set()

    async def _wait_for_room(self) -> None:
        while not self._room():
            if self._closed:
                raise Lost("the worker gives its partitions up")
            self._changed.clear()
            await self._changed.wait()

    def _refuse(self, event: Event[bytes], lane: Lane, error: PipelineError) -> list[Record]:
        agent = _AGENTS[lane]
        letter = dead_letter(event, error, agent=agent, version="1", message_limit=self._settings.message_limit)
        metrics.EVENTS_DEAD_LETTERED.labels(agent, error.error_class).inc()
        return [*self._answers(event, lane, error), letter]

    def _answers(self, event: Event[Any], lane: Lane, error: BaseException) -> list[Record]:
        """The answer, and the outcome of the run's item that it belongs to, if any."""
        headers = event.headers
        epoch = self._book.applied(lane, event.partition).epoch
        identity = Row(lane, event.partition, epoch, event.offset, "", "", "", "", 0.0).identity
        known = error if isinstance(error, PipelineError) else Permanent("the message could not be handled")
        reply = failed(known)
        told = run_outcome(passed_on(headers), headers.get("source", ""), reply)
        answer = to_record(
            reply,
            answer_id=identity,
            message_id=headers.get("amqp-message-id") or identity,
            reply_to=headers.get("amqp-reply-to"),
            correlation_id=headers.get("amqp-correlation-id"),
            portal=headers.get("portal", ""),
            attempts=0,
            source=headers.get("source", ""),
        )
        return [answer] if told is None else [told, answer]
