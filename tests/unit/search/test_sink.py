"""The sink: order of a document's versions, partial failures, waiting, splitting, giving up partitions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipeline.delivery.errors import Blocked, Permanent, PipelineError, Throttled, Transient
from pipeline.search.documents import Document
from pipeline.search.errors import MissingIndex, TooLarge
from pipeline.search.lane import Item
from pipeline.search.sink import Sink
from tests.unit.delivery.fakes import settings, until
from tests.unit.search.fakes import FakeClient, answering, document


class Bench:
    """A sink with a fake client, and what it has settled."""

    def __init__(self, client: FakeClient, **given: Any) -> None:
        self.settled: list[tuple[str, PipelineError | None]] = []
        self.alive = True
        self.final = True
        values = {"es_requests": 1, "es_bulk_size": 100, **given}
        self.sink = Sink(
            settings(**values),
            client,  # type: ignore[arg-type]
            alive=lambda _: self.alive,
            settle=self._settle,
            make=self._make,
        )
        self.client = client

    def _settle(self, item: Item, error: Permanent | None) -> bool:
        if error is not None and not self.final:
            return False
        self.settled.append((item.document.id, error))
        return True

    async def _make(self, alias: str) -> None:
        self.client.made.append(alias)

    def submit(self, *documents: Document) -> None:
        for one in documents:
            self.sink.submit(one, None)

    async def done(self, count: int) -> None:
        await until(lambda: len(self.settled) >= count)


async def test_what_waits_leaves_in_one_request_with_its_version() -> None:
    bench = Bench(FakeClient())
    bench.submit(document("a", 5), document("b", 6))
    await bench.done(2)
    (request,) = bench.client.requests
    assert request == [
        {"_index": "catalog", "_id": n, "version": v, "version_type": "external_gte", "require_alias": True}
        for n, v in (("a", 5), ("b", 6))
    ]
    assert bench.settled == [("a", None), ("b", None)]
    assert bench.sink.status.waiting == 0


async def test_requests_hold_no_more_than_their_limits() -> None:
    bench = Bench(FakeClient(), es_bulk_size=3)
    bench.submit(*(document(str(n)) for n in range(7)))
    await bench.done(7)
    assert [len(ids) for ids in bench.client.ids()] == [3, 3, 1]
    bench = Bench(FakeClient(), es_bulk_bytes=1000)
    bench.submit(*(document(str(n), size=600) for n in range(3)), document("large", size=5000))
    await bench.done(4)
    assert [len(ids) for ids in bench.client.ids()] == [2, 2]


async def test_several_requests_are_out_but_one_document_is_in_one_at_a_time() -> None:
    client = FakeClient()
    client.gate = asyncio.Event()
    bench = Bench(client, es_requests=3, es_bulk_size=1)
    bench.submit(*(document(f"d{n}", version) for version in (1, 2) for n in range(6)))
    await until(lambda: client.out == 3)
    out = [ids[0] for ids in client.ids()]
    assert len(set(out)) == 3
    client.gate.set()
    await bench.done(12)
    for n in range(6):
        versions = [r[0]["version"] for r in client.requests if r[0]["_id"] == f"d{n}"]
        assert versions == [1, 2]


async def test_only_what_failed_is_sent_again() -> None:
    client = FakeClient([None, Throttled("busy"), None, Transient("503")], [None, Transient("503")])
    bench = Bench(client)
    bench.submit(*map(document, "abcd"))
    await bench.done(4)
    assert client.ids() == [["a", "b", "c", "d"], ["b", "d"], ["d"]]
    assert [name for name, _ in bench.settled] == ["a", "c", "b", "d"]


async def test_nothing_is_given_up_while_elasticsearch_is_away_and_it_is_told() -> None:
    client = FakeClient(*[Transient("cannot be reached")] * 20)
    bench = Bench(client)
    bench.submit(document("a"))
    await until(lambda: len(client.requests) > 5)
    trouble = bench.sink.status.trouble
    assert trouble is not None and (trouble.error_class, trouble.text) == ("transient", "cannot be reached")
    assert bench.settled == []
    await bench.done(1)
    assert len(client.requests) == 21
    assert bench.sink.status.trouble is None


async def test_a_read_only_index_is_waited_for() -> None:
    bench = Bench(FakeClient([Blocked("flood stage")] * 2, [Blocked("flood stage")] * 2))
    bench.submit(document("a"), document("b"))
    await bench.done(2)
    assert bench.client.ids() == [["a", "b"]] * 3


async def test_a_refused_document_is_over_and_the_others_are_written() -> None:
    bench = Bench(FakeClient([None, Permanent("mapping"), None]))
    bench.submit(*map(document, "abc"))
    await bench.done(3)
    assert [(name, str(error)) for name, error in bench.settled if error] == [("b", "mapping")]
    assert len(bench.client.requests) == 1


async def test_what_is_refused_is_tried_again_while_everything_is() -> None:
    bench = Bench(FakeClient([Permanent("no")], [Permanent("no")]))
    bench.final = False
    bench.submit(document("a"))
    await bench.done(1)
    assert bench.client.ids() == [["a"]] * 3


async def test_a_request_that_is_too_long_is_sent_in_halves() -> None:
    def decide(action: dict[str, Any]) -> PipelineError | None:
        return None

    client = answering(decide)
    whole = client.bulk

    async def limited(lines: Any) -> Any:
        names = [line for line in lines[::2]]
        if len(names) > 2 or b'"huge"' in b"".join(names):
            client.requests.append([])
            raise TooLarge("413")
        return await whole(lines)

    client.bulk = limited  # type: ignore[method-assign]
    bench = Bench(client)
    bench.submit(*map(document, ["a", "b", "c", "huge", "d"]))
    await bench.done(5)
    assert {name for name, error in bench.settled if error is None} == {"a", "b", "c", "d"}
    assert [name for name, error in bench.settled if error is not None] == ["huge"]


async def test_a_missing_alias_is_made_and_the_documents_sent_again() -> None:
    client = FakeClient([MissingIndex("no such index"), None])
    bench = Bench(client)
    bench.submit(document("a"), document("b"))
    await bench.done(2)
    assert client.made == ["catalog"]
    assert client.ids() == [["a", "b"], ["a"]]


async def test_while_an_index_is_filled_both_are_written() -> None:
    client = FakeClient([None, Transient("503"), None, None])
    client.filling = True
    bench = Bench(client)
    bench.submit(document("a"), document("b"))
    await bench.done(2)
    assert [(a["_index"], a["_id"]) for a in client.requests[0]] == [
        ("catalog", "a"), ("catalog-next", "a"), ("catalog", "b"), ("catalog-next", "b")
    ]  # fmt: skip
    assert {a["_id"] for a in client.requests[1]} == {"a"}
    assert client.made == []


async def test_an_index_that_is_filled_no_more_is_no_failure() -> None:
    client = FakeClient([None, MissingIndex("no such index")])
    client.filling = True
    bench = Bench(client)
    bench.submit(document("a"))
    await bench.done(1)
    assert bench.settled == [("a", None)] and client.made == []
    client.filling = False
    bench.submit(document("b"))
    await bench.done(2)
    assert [a["_index"] for a in client.requests[-1]] == ["catalog"]


async def test_no_more_is_taken_than_fits() -> None:
    client = FakeClient()
    client.gate = asyncio.Event()
    bench = Bench(client, es_bulk_size=2)
    for n in range(4):
        await bench.sink.room()
        bench.submit(document(str(n)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bench.sink.room(), 0.02)
    client.gate.set()
    await bench.done(4)
    await asyncio.wait_for(bench.sink.room(), 1)


async def test_when_partitions_go_a_request_ends_and_the_rest_is_dropped() -> None:
    client = FakeClient()
    client.gate = asyncio.Event()
    bench = Bench(client, es_bulk_size=1)
    bench.submit(document("a"), document("b"))
    await until(lambda: client.out == 1)
    draining = asyncio.create_task(bench.sink.drain(5))
    await asyncio.sleep(0)
    client.gate.set()
    await draining
    assert bench.settled == [("a", None)] and client.ids() == [["a"]]
    assert bench.sink.status.waiting == 0
    bench.submit(document("c"))
    await bench.done(2)


async def test_nobody_waits_for_a_pause_when_partitions_go() -> None:
    bench = Bench(FakeClient(*[Transient("away")] * 9), retry_min=60, retry_max=60)
    bench.submit(document("a"))
    await until(lambda: bench.sink.status.trouble is not None)
    await asyncio.wait_for(bench.sink.drain(5), 1)
    assert bench.settled == [] and bench.sink.status.trouble is None


async def test_what_belongs_to_another_worker_now_is_not_written() -> None:
    bench = Bench(FakeClient())
    bench.alive = False
    bench.submit(document("a"))
    await until(lambda: bench.sink.status.waiting == 0)
    assert bench.client.requests == [] and bench.settled == []
