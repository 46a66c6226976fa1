"""Documents in a real Elasticsearch: versions, tombstones, refusals, read-only indices, who makes the index."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.delivery.errors import Blocked
from pipeline.search.aliases import current, ensure
from tests.support.search import Index

pytestmark = pytest.mark.services


async def test_an_older_event_never_wins_and_a_replay_changes_nothing(index: Index) -> None:
    await index.write({"a": {"name": "новый"}}, version=5)
    await index.write({"a": {"name": "старый"}}, version=4)
    await index.write({"a": {"name": "новый"}}, version=5)
    assert (await index.all())["a"]["name"] == "новый"
    await index.write({"a": {"name": "новейший"}}, version=6)
    assert (await index.all())["a"]["name"] == "новейший"
    assert index.settled == {"a": None}


async def test_what_is_removed_stays_removed_whatever_comes_late(index: Index) -> None:
    await index.write({"a": {"name": "болт"}, "b": {"name": "гайка"}}, version=1)
    await index.write({"a": {"removed": True}}, version=3)
    await index.write({"a": {"name": "болт"}}, version=2)
    assert set(await index.all()) == {"b"}
    await index.write({"a": {"name": "болт снова"}}, version=4)
    assert set(await index.all()) == {"a", "b"}


async def test_one_that_cannot_be_indexed_does_not_hold_up_the_others(index: Index) -> None:
    documents = {str(n): {"price": n} for n in range(20)} | {"bad": {"price": "дорого"}, "x" * 600: {}}
    await index.write(documents)
    refused = {name: str(error) for name, error in index.settled.items() if error is not None}
    assert set(refused) == {"bad", "x" * 600}
    assert "[price]" in refused["bad"] and "дорого" in refused["bad"]
    assert len(await index.all()) == 20


async def test_workers_that_start_together_make_one_index(index: Index) -> None:
    assert set(await asyncio.gather(*[ensure(index.client, index.alias) for _ in range(6)])) == {
        f"{index.alias}-v000001"
    }
    assert await index.indices() == [f"{index.alias}-v000001"]


async def test_an_index_under_the_aliass_name_is_left_alone_and_told(index: Index) -> None:
    await index.client.es.indices.create(index=index.alias)
    try:
        with pytest.raises(Blocked, match="is an index"):
            await current(index.client, index.alias)
        with pytest.raises(Blocked):
            await ensure(index.client, index.alias)
    finally:
        await index.client.es.indices.delete(index=index.alias)


async def test_a_read_only_index_is_waited_for_and_told(index: Index) -> None:
    await index.write({"a": {}})
    blocks = index.client.es.indices
    await blocks.put_settings(index=index.alias, settings={"index.blocks.read_only_allow_delete": True})
    index.submit("b", 1, {})
    async with asyncio.timeout(10):
        while index.sink.status.trouble is None:
            await asyncio.sleep(0.01)
    assert index.sink.status.trouble.error_class == "blocked"
    assert "read-only" in index.sink.status.trouble.text
    await blocks.put_settings(index=index.alias, settings={"index.blocks.read_only_allow_delete": None})
    await index.settle()
    assert set(await index.all()) == {"a", "b"}
    assert index.sink.status.trouble is None
