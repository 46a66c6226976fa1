"""The portal gateway of a worker: one executor for each portal whose partition this worker owns (design, section 5)."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from faust.types import TP

from pipeline.delivery.errors import PipelineError
from pipeline.delivery.exit import die, refuse
from pipeline.delivery.flow import Flow
from pipeline.delivery.ownership import Lost
from pipeline.delivery.retry import Backoff
from pipeline.delivery.runtime import Runtime
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.key_check import WrongKey, check_fingerprint
from pipeline.portal.access.oauth import OAuth
from pipeline.portal.access.seal import Sealer
from pipeline.portal.access.token_server import TokenServer
from pipeline.portal.access.tokens import TokenTable
from pipeline.portal.limits.costs import Costs
from pipeline.portal.limits.governor import Governor
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.limits.pause import Probes
from pipeline.portal.limits.presets import limits_of
from pipeline.portal.links.store import Link, Links
from pipeline.portal.partition import partition_of
from pipeline.portal.requests.answered import answers_for, is_answered
from pipeline.portal.requests.book import Book
from pipeline.portal.requests.completion import Completion
from pipeline.portal.requests.intake import Intake
from pipeline.portal.requests.lanes import LANES, TOPICS, Lane
from pipeline.portal.requests.letters import Letters
from pipeline.portal.sending.courses import Courses
from pipeline.portal.sending.executor import Executor
from pipeline.portal.sending.parts import Parts
from pipeline.portal.sending.route_throttles import RouteThrottles
from pipeline.portal.sending.scheduler import Entry
from pipeline.portal.steps.env import Env
from pipeline.portal.view import PortalState, portal_state
from pipeline.portal.watches.watches import Watches
from pipeline.portal.wire.client import PortalClient
from pipeline.settings import PortalSettings
from pipeline.topology import KEYS, LINKS, REQUESTS_INTERACTIVE, RESULTS, THROTTLES, TOKENS, WATCHES

__all__ = ["Gateway"]

logger = logging.getLogger(__name__)

_DRAIN_TIMEOUT = 19.0
_HOUSEKEEPING = 60.0
#: Parts of the portal's time limit after which a call is surely over.
_SURELY_OVER = 1.1


class Gateway:
    """Owner of the portals of its partitions."""

    def __init__(self, runtime: Runtime, sealer: Sealer) -> None:
        settings = runtime.settings
        self._runtime = runtime
        self._sealer = sealer
        self._portals: dict[str, PortalSettings] = settings.all_portals()
        self._oauth = OAuth(
            self._portals,
            TokenTable(runtime.table(TOKENS), sealer),
            TokenServer(connect_timeout=settings.connect_timeout),
        )
        self.credentials = Credentials(self._portals, settings.unknown_tokens, sealer, self._oauth)
        self._book = Book(runtime.table("requests"))
        self._backoff = Backoff(settings.retry_min, settings.retry_max)
        self.links = Links(runtime.table(LINKS))
        self.watches = Watches(
            runtime.table(WATCHES),
            self.links,
            runtime.producer.send,
            self._backoff,
            scale=lambda portal: self._portals[portal].scale if portal in self._portals else 1.0,
        )
        self._throttles = RouteThrottles(runtime.table(THROTTLES), self._portals)
        self._completion = Completion(self._book, runtime.producer, self._backoff)
        self._intake = Intake(
            settings, self._book, self.credentials, self._enqueue, self._has_room, runtime.producer.send
        )
        self._executors: dict[str, Executor] = {}
        #: requests of portals that are no longer in the settings: they wait, and are shown
        self._orphans: dict[str, list[Entry]] = {}
        self._client: PortalClient | None = None
        self._housekeeper: asyncio.Task[None] | None = None
        runtime.ownership.register(runtime.wire(REQUESTS_INTERACTIVE), self)
        runtime.on_start(self.start)
        runtime.on_stop(self.stop)

    def flows(self) -> tuple[Flow, ...]:
        """The intake agents."""
        return self._intake.flows()

    def linked(self, links: Iterable[Link]) -> None:
        """Links that have come from outside are durable: who waits for their objects goes on."""
        links = list(links)
        self.watches.linked(links)
        for link in links:
            if (executor := self._executors.get(link.portal)) is not None:
                executor.linked(link)

    async def start(self) -> None:
        """Before the worker joins its group: is our key the key of this installation?"""
        settings = self._runtime.settings
        try:
            await check_fingerprint(
                settings.kafka_servers, self._runtime.wire(KEYS), self._sealer.fingerprint, settings.seal_key_file
            )
        except WrongKey as error:
            refuse(str(error))
        self._client = PortalClient(
            request_timeout=settings.request_timeout,
            connect_timeout=settings.connect_timeout,
            answer_limit=settings.answer_limit,
        )

    async def stop(self) -> None:
        """The worker ends."""
        if self._client is not None:
            await self._client.close()

    async def on_owned(self, partitions: frozenset[int]) -> None:
        """Take over the portals of these partitions: their rows are in the table."""
        self._orphans.clear()
        self._book.forget()
        self._throttles.forget()
        await self._look_for_new_topics(partitions)
        now = time.time()
        for name, portal in self._portals.items():
            if partition_of(name) in partitions:
                executor = self._executors[name] = self._new_executor(name, portal)
                if (empty_at := self._book.bucket(executor.partition, name)) is not None:
                    executor.limiter.restore(empty_at, now)
        for partition in sorted(partitions):
            async for row in self._book.unfinished(partition):
                self._enqueue(Entry(row, attempts=row.attempts))
        self.watches.begin(partitions, filter(None, (entry.row.watch for entry in self._entries())))
        self._intake.open()
        for executor in self._executors.values():
            executor.start(self._leave_out_answered)
        self._housekeeper = asyncio.create_task(self._keep_house(partitions), name="requests housekeeping")
        logger.info(
            "portals owned: %s; %d requests wait", ", ".join(sorted(self._executors)) or "none", self._waiting()
        )

    async def on_lost(self) -> None:
        """Stop sending, wait for what is out, leave the rest as it stands in the table."""
        self._intake.close()
        if self._housekeeper is not None:
            self._housekeeper.cancel()
        started = time.monotonic()
        await asyncio.gather(*(executor.stop() for executor in self._executors.values()))
        await self.watches.end()
        left = max(1.0, _DRAIN_TIMEOUT - (time.monotonic() - started))
        await asyncio.gather(self._oauth.release(left), self._completion.drain(left))
        self._executors.clear()
        self._orphans.clear()
        self._book.forget()

    def portals(self) -> Sequence[PortalState]:
        """State of each portal of this worker, for pages, metrics and health."""
        now = time.time()
        states = [portal_state(executor, now) for executor in self._executors.values()]
        states += [PortalState.orphan(name, entries, now) for name, entries in self._orphans.items()]
        return states

    def _new_executor(self, name: str, portal: PortalSettings) -> Executor:
        assert self._client is not None, "the gateway has not started"
        settings, limits = self._runtime.settings, limits_of(portal)
        costs = Costs(portal.scale)
        limiter = Limiter(limits.rate, limits.burst)
        limiter.assume_full(time.time())
        probes = Probes(settings.method_hold, settings.credential_probe, settings.blocked_probe).scaled(portal.scale)
        governor = Governor(limits.operating_limit, limits.operating_window, costs, hold=probes.method_hold)
        partition = partition_of(name)
        env = Env(
            portal=name,
            link=lambda entity, external: self.links.get(partition, name, entity, external),
            part=lambda entity, external, part: self.links.part(partition, name, entity, external, part),
            request_limit=limits.request_limit * _SURELY_OVER,
            settle=portal.settle,
            stamp=portal.stamp,
            add_again=portal.deleted == "add",
            scale=portal.scale,
        )
        parts = Parts(
            address=portal.address,
            limits=limits,
            limiter=limiter,
            governor=governor,
            costs=costs,
            courses=Courses(env, f"bus-{self._sealer.fingerprint[:8]}", self.watches.token),
            book=self._book,
            links=self.links,
            watches=self.watches,
            throttles=self._throttles,
            client=self._client,
            credentials=self.credentials,
            completion=self._completion,
            letters=Letters(self._runtime.wire, settings.message_limit),
            backoff=self._backoff,
            probes=probes,
            guard=self._runtime.guard,
            bulk_share=settings.bulk_share,
            connections=portal.connections,
            batch_room=portal.batch_size,
        )
        return Executor(name, parts, self._intake.has_room)

    async def _leave_out_answered(self, executor: Executor) -> None:
        """Requests whose answer the last owner wrote, but no more that they are done, are not called again."""
        waiting = tuple(executor.scheduler)
        servers, topic = self._runtime.settings.kafka_servers, self._runtime.wire(RESULTS)
        answers = await answers_for((entry.row for entry in waiting), servers, topic, self._backoff)
        for entry in waiting:
            if is_answered(entry.row, answers):
                logger.info("request %s was answered before its owner ended", entry.row.identity)
                await self._completion.answered(entry.row)
                executor.drop(entry)
        self._intake.has_room()

    def _enqueue(self, entry: Entry) -> None:
        executor = self._executors.get(entry.row.portal)
        if executor is None:
            self._orphans.setdefault(entry.row.portal, []).append(entry)
        else:
            executor.add(entry)

    def _waiting(self) -> int:
        return sum(len(executor.scheduler) for executor in self._executors.values()) + sum(
            map(len, self._orphans.values())
        )

    def _has_room(self) -> bool:
        return self._waiting() < self._runtime.settings.waiting_limit

    async def _look_for_new_topics(self, partitions: frozenset[int]) -> None:
        """A lane that ends before the offset applied through was made anew: its offsets mean other records."""
        consumer = self._runtime.app.consumer
        places = {
            TP(self._runtime.wire(topic), partition): (lane, partition)
            for lane, topic in TOPICS.items()
            for partition in partitions
        }
        if not places:
            return
        ends = cast(dict[Any, int | None], await consumer.highwaters(*places))
        for tp, (lane, partition) in places.items():
            end = ends.get(tp)
            if end is not None and end <= self._book.applied(lane, partition).through:
                logger.warning("topic %s partition %d was made anew; its offsets start again", tp.topic, partition)
                await self._book.begin_epoch(lane, partition)

    async def _keep_house(self, partitions: frozenset[int]) -> None:
        keep = self._runtime.settings.done_keep
        while True:
            await asyncio.sleep(min(_HOUSEKEEPING, max(keep, 1.0)))
            try:
                # before anything is awaited: a request that is taken in between must not count as done
                first_open = self._first_open()
                through = {
                    (lane, partition): self._book.applied(lane, partition).through
                    for partition in partitions
                    for lane in LANES
                }
                for place in sorted(through):
                    await self._book.mark(*place, through[place], first_open.get(place))
                for partition in sorted(partitions):
                    await self._book.expire(partition, time.time() - keep)
                await self.watches.expire(time.time() - self._runtime.settings.watch_keep)
            except Lost:
                return
            except PipelineError as error:
                # rows that stay a while longer do no harm; tried again at the next round
                logger.warning("housekeeping of finished requests: %s", error)
            except Exception as error:
                die("housekeeping of finished requests ended", error)

    def _first_open(self) -> dict[tuple[Lane, int], bytes]:
        """Key of the first request that is not done, by lane and partition."""
        first: dict[tuple[Lane, int], bytes] = {}
        for row in (entry.row for entry in self._entries()):
            place = (row.lane, row.partition)
            first[place] = min(first.get(place, row.key), row.key)
        return first

    def _entries(self) -> Iterator[Entry]:
        """All requests that are not done."""
        schedulers = (executor.scheduler for executor in self._executors.values())
        return itertools.chain(*schedulers, *self._orphans.values())
