"""The sink as an agent: acks after the write, dead letters with the reason, outcomes of runs."""

from __future__ import annotations

from typing import Any

import orjson

from pipeline.delivery.errors import Permanent, PipelineError, Transient
from pipeline.flows.search import tell
from pipeline.search.documents import Document
from pipeline.search.runs import NAME, SearchSink, SinkRuns
from pipeline.topology import DEAD_LETTERS, OUTCOMES, SEARCH_DOCUMENTS
from tests.unit.delivery.fakes import FakeRuntime, acked, source, until
from tests.unit.search.fakes import FakeClient, answering


def received(offset: int, name: str, **headers: str) -> Any:
    record = Document("catalog", name, 1, b"{}").record(headers)
    assert record.value is not None
    return source(offset, record.value, key=record.key, headers=dict(record.headers), topic=SEARCH_DOCUMENTS)


def runs(client: FakeClient, **given: Any) -> tuple[FakeRuntime, SinkRuns]:
    runtime = FakeRuntime(**{"es_requests": 1, **given})
    search = SearchSink(tell=tell, client=client)  # type: ignore[arg-type]
    runner = runtime.runner(search.flow())
    return runtime, runner._runs


async def test_acked_when_written_and_not_before() -> None:
    client = FakeClient([None, Transient("503"), None])
    runtime, sink = runs(client)
    sources = [received(n, f"d{n}") for n in range(3)]
    await sink.take(sources)
    assert acked(sources) == []
    await until(lambda: acked(sources) == [0, 1, 2])
    assert runtime.producer.records == []


async def test_a_refused_document_is_a_dead_letter_with_the_reason() -> None:
    def decide(action: dict[str, Any]) -> PipelineError | None:
        return Permanent("field [price] of type [double]") if action["_id"] == "bad" else None

    runtime, sink = runs(answering(decide))
    sources = [received(0, "good"), received(1, "bad", run="r1", item="bad"), received(2, "fine")]
    await sink.take(sources)
    await until(lambda: acked(sources) == [0, 1, 2])
    (letter,) = runtime.producer.of(DEAD_LETTERS)
    assert letter.headers["dl-agent"] == NAME
    assert "field [price]" in letter.headers["dl-last-error"]
    (told,) = runtime.producer.of(OUTCOMES)
    outcome = orjson.loads(told.value or b"")
    assert (outcome["run"], outcome["flow"], outcome["status"]) == ("r1", "search", "failed")


async def test_what_is_no_document_is_a_dead_letter() -> None:
    runtime, sink = runs(FakeClient())
    sources = [source(0, b"{}", key=b"a"), received(1, "good")]
    await sink.take(sources)
    await until(lambda: acked(sources) == [0, 1])
    assert len(runtime.producer.of(DEAD_LETTERS)) == 1


async def test_an_outcome_is_told_when_the_document_is_durable() -> None:
    client = FakeClient([Transient("503")])
    runtime, sink = runs(client)
    sources = [received(0, "a", run="r1", item="A-1")]
    await sink.take(sources)
    await until(lambda: acked(sources) == [0])
    (told,) = runtime.producer.of(OUTCOMES)
    outcome = orjson.loads(told.value or b"")
    assert (outcome["item"], outcome["flow"], outcome["status"]) == ("A-1", "search", "done")
    assert len(client.requests) == 2


async def test_when_everything_is_refused_nothing_more_is_a_dead_letter() -> None:
    refusing = [True]

    def decide(action: dict[str, Any]) -> PipelineError | None:
        return Permanent("no") if refusing[0] else None

    client = answering(decide)
    runtime, sink = runs(client, breaker_failures=3)
    sources = [received(n, f"d{n}") for n in range(10)]
    await sink.take(sources)
    await until(lambda: len(client.requests) > 5)
    assert len(runtime.producer.of(DEAD_LETTERS)) == 3
    refusing[0] = False
    await until(lambda: len(acked(sources)) == 10)
    assert len(runtime.producer.of(DEAD_LETTERS)) == 3


async def test_an_event_of_an_earlier_generation_is_left_alone() -> None:
    client = FakeClient()
    runtime, sink = runs(client)
    runtime.releasing = True
    sources = [received(0, "a")]
    await sink.take(sources)
    assert client.requests == [] and acked(sources) == []


async def test_a_document_of_several_lines_could_be_taken_for_several_and_is_refused() -> None:
    client = FakeClient()
    runtime, sink = runs(client)
    sources = [source(0, b'{"a":\n1}', key=b"a", headers={"index": "catalog", "version": "1"})]
    await sink.take(sources)
    await until(lambda: acked(sources) == [0])
    assert client.requests == [] and len(runtime.producer.of(DEAD_LETTERS)) == 1
