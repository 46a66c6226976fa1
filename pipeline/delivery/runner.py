"""Runs a flow inside its Faust agent: reads in runs, hands out, confirms, acks last.

The agent's channel is read directly, in runs of what has arrived (reference: speed: the only way to 8,000 events/s);
nothing is acked by Faust itself, because its stream is never iterated.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NoReturn

from faust.types import EventT

from pipeline.delivery import metrics
from pipeline.delivery.breaker import Breaker
from pipeline.delivery.dead_letters import dead_letter, describe
from pipeline.delivery.errors import BadInput, Permanent, PipelineError, Throttled, Transient
from pipeline.delivery.exit import die
from pipeline.delivery.flow import Event, Flow
from pipeline.delivery.ownership import Lost
from pipeline.delivery.pool import KeyedPool
from pipeline.delivery.pure import PureRuns
from pipeline.delivery.records import Record, read_headers
from pipeline.delivery.retry import Backoff
from pipeline.delivery.runs import FAILED, outcome
from pipeline.topology import OUTCOMES

if TYPE_CHECKING:
    from pipeline.delivery.runtime import Runtime

__all__ = ["FlowRunner"]


class FlowRunner:
    """One flow of this worker."""

    def __init__(self, flow: Flow, runtime: Runtime) -> None:
        settings = runtime.settings
        self.flow = flow
        self._runtime = runtime
        self._pool = KeyedPool(flow.in_flight or settings.in_flight)
        self._runs = (flow.reader or PureRuns)(self, runtime)
        self._backoff = Backoff(settings.retry_min, settings.retry_max)
        self.breaker = Breaker(settings.breaker_failures)
        self.handled = metrics.EVENTS_HANDLED.labels(flow.name)
        self._retried = metrics.EVENTS_RETRIED.labels(flow.name)
        self._seconds = metrics.HANDLER_SECONDS.labels(flow.name)
        metrics.EVENTS_IN_PROGRESS.labels(flow.name).set_function(lambda: float(len(self._pool)))
        metrics.BREAKER_OPEN.labels(flow.name).set_function(lambda: float(self.breaker.open))

    async def run(self, stream: Any) -> None:
        """Body of the agent; ends only with the worker."""
        queue = stream.channel.queue
        self._runtime.reads(self.flow.topics, queue, self.flow.name)
        limit = self._runtime.settings.run_limit
        try:
            while True:
                run = [await queue.get()]
                while len(run) < limit and not queue.empty():
                    run.append(queue.get_nowait())
                if self.flow.pure:
                    await self._runs.take(run)
                else:
                    for source in run:
                        if self.may_begin(source):
                            await self._submit(source)
        except (asyncio.CancelledError, StopAsyncIteration):
            return  # the agent is being stopped
        except BaseException as error:
            die(f"agent {self.flow.name} ended", error)

    async def drain(self, timeout: float) -> None:
        """Wait for what is in flight, at most `timeout` seconds; the rest is left un-acked."""
        await asyncio.gather(self._pool.drain(timeout), self._runs.drain(timeout))

    def is_current(self, source: EventT[Any]) -> bool:
        """False: it was fetched before the last rebalance; whoever owns the partition now gets it again."""
        runtime = self._runtime
        return runtime.accepting and source.message.generation_id == runtime.app.consumer_generation_id

    def may_begin(self, source: EventT[Any]) -> bool:
        """May work on it begin? While partitions are given up, what is in progress ends and nothing else begins."""
        return not self._runtime.releasing and self.is_current(source)

    def event(self, source: EventT[Any]) -> Event[Any]:
        """Our form of a received record, not decoded yet."""
        message = source.message
        return Event(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=message.key,
            headers=read_headers(message.headers) if self.flow.headers else {},
            raw=message.value or b"",
            value=None,
            timestamp=message.timestamp,
        )

    def decode(self, event: Event[Any]) -> None:
        """Set `event.value`. Raises BadInput, also for a record that has ended the worker too often."""
        place = f"{event.topic}:{event.partition}:{event.offset}"
        ledger = self._runtime.ledger
        if ledger.is_poison(place):
            raise BadInput(f"it has ended the worker {ledger.limit} times: {ledger.last_error(place)}")
        event.value = self.flow.decode(event.raw)

    def letters(self, source: EventT[Any], event: Event[Any], error: BaseException, **origin: Any) -> list[Record]:
        """The dead letter of an event of this flow, and what leaves together with it.

        That is what `on_dead` gives, and the outcome of the run's item, unless that is among it.
        """
        if not self.flow.headers:
            event.headers = read_headers(source.message.headers)
        error_class = error.error_class if isinstance(error, PipelineError) else "unexpected"
        metrics.EVENTS_DEAD_LETTERED.labels(self.flow.name, error_class).inc()
        letter = dead_letter(
            event,
            error,
            agent=self.flow.name,
            version=self.flow.version,
            message_limit=self._runtime.settings.message_limit,
            **origin,
        )
        beside = list(self.flow.on_dead(event, error)) if self.flow.on_dead is not None else []
        if not any(record.topic == OUTCOMES for record in beside):
            told = outcome(event.headers, self.flow.name, FAILED, error_class=error_class, error=describe(error))
            beside += [told] if told is not None else []
        return [letter, *beside]

    async def crash(self, event: Event[Any], error: BaseException) -> NoReturn:
        """Something unexpected: note which record it was and end the worker, with un-acked work."""
        place = f"{event.topic}:{event.partition}:{event.offset}"
        await self._runtime.ledger.note(self._runtime.producer, place, error)
        metrics.WORKER_EXITS_NOTED.labels(event.topic).inc()
        die(f"agent {self.flow.name} at {place}", error)

    async def _submit(self, source: EventT[Any]) -> None:
        event = self.event(source)
        try:
            self.decode(event)
            key = self.flow.key(event)
        except BadInput as error:
            refused = error
            await self._pool.submit(None, lambda: self._bury(source, event, refused))
            return
        except Exception as error:
            await self.crash(event, error)
        await self._pool.submit(key, lambda: self._work(source, event))

    async def _work(self, source: EventT[Any], event: Event[Any]) -> None:
        if not self.may_begin(source):
            return
        first_error: str | None = None
        first_time = time.time()
        while self.is_current(source):
            try:
                await self._effect(event)
            except (Lost, asyncio.CancelledError):
                return
            except PipelineError as error:
                first_error = first_error or describe(error)
                if self._is_final(error):
                    await self._bury(source, event, error, first_error=first_error, first_time=first_time)
                    return
                self._retried.inc()
                await self._pause(event, error)
            except BaseException as error:
                await self.crash(event, error)
            else:
                self.breaker.succeeded()
                self.handled.inc()
                self.ack(source)
                return

    async def _effect(self, event: Event[Any]) -> None:
        with self._seconds.time():
            records = await self.flow.handler(event)  # type: ignore[misc]
        if records:
            await self._runtime.producer.send(records)

    def _is_final(self, error: PipelineError) -> bool:
        """Only permanent errors end in a dead letter, and not when everything fails (circuit breaker)."""
        if isinstance(error, BadInput):
            return True
        if not isinstance(error, Permanent):
            return False
        if self.breaker.open:
            return False
        self.breaker.failed()
        return True

    async def _pause(self, event: Event[Any], error: PipelineError) -> None:
        pause = self._backoff.pause(event.attempt)
        if isinstance(error, Throttled) and error.until is not None:
            pause = max(pause, error.until - time.time())
        event.attempt += 1
        await asyncio.sleep(pause)

    async def _bury(self, source: EventT[Any], event: Event[Any], error: BaseException, **origin: Any) -> None:
        try:
            letters = self.letters(source, event, error, **origin)
        except Exception as failure:
            await self.crash(event, failure)
        attempt = 1
        while self.is_current(source):
            try:
                await self._runtime.producer.send(letters)
            except asyncio.CancelledError:
                return
            except Transient:
                await asyncio.sleep(self._backoff.pause(attempt))
                attempt += 1
            except Exception as failure:
                await self.crash(event, failure)
            else:
                self.ack(source)
                return

    def ack(self, source: EventT[Any]) -> None:
        """The effect is durable: this offset may be committed."""
        self._runtime.guard.check()
        source.message.ack(self._runtime.app.consumer)
