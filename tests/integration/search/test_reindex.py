"""Filling an index anew on real services: searches go on, nothing is lost, interruptions are harmless."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from pipeline.delivery.flow import Event
from pipeline.search.aliases import current
from pipeline.search.documents import Document
from pipeline.search.index import next_alias
from pipeline.search.reindex.replay import ReindexError
from pipeline.search.reindex.state import State, read_state
from pipeline.search.reindex.work import Options, Reindex, Result
from stack.kafka import Kafka
from tests.support.search import Index
from tests.support.services import GivenKafka

pytestmark = pytest.mark.services

PRODUCTS = 1500


class Log:
    """A topic of products in two partitions; the version of each is its offset plus 10."""

    def __init__(self, bootstrap: str, index: Index) -> None:
        self.bootstrap = bootstrap
        self.topic = f"t{uuid.uuid4().hex[:8]}.events.product"
        self.index = index
        index.settings.kafka_url = bootstrap

    async def fill(self, count: int) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(self.topic, 2, 1)])
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=20)
        await producer.start()
        bodies = [(f"p{n}".encode(), orjson.dumps({"name": f"Болт {n}", "from": "log"})) for n in range(count)]
        await asyncio.gather(*[await producer.send(self.topic, body, key=key) for key, body in bodies])
        await producer.stop()

    def make(self, event: Event[bytes]) -> Document:
        assert event.key is not None
        source = orjson.loads(event.raw) | {"xml_id": event.key.decode(), "removed": False, "catalog": "default"}
        return Document(self.index.alias, event.key.decode(), event.offset + 10, orjson.dumps(source))

    def reindex(
        self, *, show: Callable[[str, State, str], None] = lambda *_: None, notice: float = 0.1, **options: bool
    ) -> Reindex:
        return Reindex(
            self.index.settings,
            self.index.client,
            self.index.alias,
            topic=self.topic,
            make=self.make,
            wanted=lambda source: source.get("catalog") == "default",
            options=Options(**options),
            show=show,
            silence=3.0,
            notice=notice,
        )


@pytest.fixture
async def log(kafka: Kafka | GivenKafka, index: Index) -> AsyncIterator[Log]:
    log = Log(kafka.bootstrap, index)
    await log.fill(PRODUCTS)
    yield log


class Searcher:
    """Searches without a pause; each must find something."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.done = 0
        self.failed: list[str] = []
        self._tasks = [asyncio.create_task(self._run()) for _ in range(3)]

    async def _run(self) -> None:
        while True:
            try:
                answer = await self.index.client.es.search(
                    index=self.index.alias, query={"match": {"name": "болты"}}, size=1, terminate_after=50
                )
                if not answer["hits"]["hits"]:
                    self.failed.append("found nothing")
            except Exception as error:
                self.failed.append(repr(error))
            self.done += 1

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_searches_go_on_and_what_only_the_old_index_knows_is_kept(log: Log, index: Index) -> None:
    kept = {
        "p1": {"name": "Болт новее", "catalog": "default", "from": "index"},
        "lost": {"name": "Болт, которого нет в журнале", "catalog": "default", "from": "index"},
        "dead": {"removed": True, "catalog": "default"},
    }
    await index.write(kept, version=1 << 40)
    await index.write({"p2": {"name": "Болт старый", "catalog": "default"}}, version=1)
    await index.write({"foreign": {"name": "чужой", "catalog": "other"}}, version=1)
    searcher = Searcher(index)
    live: dict[str, dict[str, Any]] = {}

    async def write_on() -> None:
        while True:
            name = f"live{len(live)}"
            live[name] = {"name": f"Болт {name}", "catalog": "default"}
            index.submit(name, 1 << 41, live[name])
            await asyncio.sleep(0.01)

    writer = asyncio.create_task(write_on())
    result: Result = await log.reindex(notice=3).run()
    writer.cancel()
    await index.settle()
    await searcher.stop()

    assert searcher.failed == []
    assert searcher.done > 100
    found = await index.all()
    assert set(found) == {f"p{n}" for n in range(PRODUCTS)} | {"lost"} | set(live)
    assert (found["p1"]["name"], found["p2"]["from"], found["lost"]["from"]) == ("Болт новее", "log", "index")
    assert [error for error in index.settled.values() if error is not None] == []
    assert result.index == await current(index.client, index.alias) == f"{index.alias}-v000002"
    assert await current(index.client, next_alias(index.alias)) is None
    assert await index.indices() == [f"{index.alias}-v000001", f"{index.alias}-v000002"]
    # the tombstone went along, or an older event would bring the product back
    await index.write({"dead": {"name": "Болт", "catalog": "default"}}, version=1 << 39)
    assert "dead" not in await index.all()


async def test_an_interrupted_one_goes_on_where_it_stood_and_may_begin_anew(log: Log, index: Index) -> None:
    await index.write({"old": {"name": "Болт", "catalog": "default"}})
    index.settings.run_limit = 50
    half = asyncio.Event()
    cut = log.reindex(show=lambda phase, state, _: half.set() if state.done > PRODUCTS / 3 else None)
    running = asyncio.create_task(cut.run())
    async with asyncio.timeout(20):
        await half.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    unfinished = await current(index.client, next_alias(index.alias))
    assert unfinished == f"{index.alias}-v000002"
    assert set(await index.all()) == {"old"}

    resumed = log.reindex(resume=True, drop_old=True)
    assert (await resumed.run()).index == unfinished
    await index.refresh()
    assert len(await index.all()) == PRODUCTS + 1
    assert await index.indices() == [unfinished]

    again = await log.reindex(drop_old=True).run()
    assert (again.index, again.counts.written) == (f"{index.alias}-v000003", PRODUCTS)
    await index.refresh()
    assert len(await index.all()) == PRODUCTS + 1
    assert await index.indices() == [again.index]


async def test_one_interrupted_after_the_alias_moved_is_finished_by_the_next(log: Log, index: Index) -> None:
    await index.write({"old": {"name": "Болт", "catalog": "default"}})
    cut = log.reindex()

    async def die(*_: Any) -> None:
        raise ReindexError("killed here")

    cut._finish = die  # type: ignore[method-assign]
    with pytest.raises(ReindexError, match="killed"):
        await cut.run()
    # what a worker that had not noticed yet wrote to the old index alone
    old, new = await index.indices()
    await index.client.es.index(
        index=old, id="late", document={"name": "Болт", "catalog": "default"}, version=7, version_type="external"
    )
    state = await read_state(index.client, new)
    assert state is not None and state.phase == "moving"
    result = await log.reindex(drop_old=True).run()
    await index.refresh()
    assert {"late", "old"} <= set(await index.all())
    assert await index.indices() == [result.index]


async def test_two_at_once_are_refused(log: Log, index: Index) -> None:
    await index.write({"old": {"name": "Болт", "catalog": "default"}})
    index.settings.es_bulk_size = index.settings.es_requests = 1
    index.settings.run_limit = 10
    at_work = asyncio.Event()
    first = asyncio.create_task(log.reindex(show=lambda _, state, __: at_work.set() if state.done else None).run())
    async with asyncio.timeout(20):
        await at_work.wait()
    with pytest.raises(ReindexError, match="at work"):
        await log.reindex(resume=True).run()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
