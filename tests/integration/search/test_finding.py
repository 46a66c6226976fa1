"""What people and the original's reader look for is found, in a real Elasticsearch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from stack.elasticsearch import Elasticsearch
from tests.support.search import Index

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

PRODUCTS: dict[str, dict[str, Any]] = {
    "bolt": {
        "name": "Болт М8 жёлтый",
        "preview": "Болт для лодки",
        "detail": "<p>Крепёж из стали, цинк &amp; никель</p>",
        "brand": "Maxonor",
        "sntinvest_articul": "SI-00 1.2",
        "fac_articul": "0007/А",
        "price": 12.5,
        "prices": [{"type": "BASE", "amount": 12.5, "currency": "RUB"}],
        "properties": {"COLOR": ["Жёлтый", "Красный"]},
        "properties_text": ["Жёлтый", "Красный"],
        "suggest": ["Болт М8 жёлтый", "SI-001.2"],
    },
    "nut": {"name": "Гайки М8", "brand": "VIGRO", "sntinvest_articul": "SI-0013", "suggest": ["Гайки М8"]},
    "gone": {"name": "Болт снятый", "brand": "Maxonor", "removed": True},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def products(elasticsearch: Elasticsearch) -> AsyncIterator[Index]:
    index = Index(elasticsearch.url)
    await index.write(PRODUCTS)
    yield index
    await index.remove()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"match": {"name": "болтами"}}, ["bolt"]),
        ({"match": {"name": "гайка"}}, ["nut"]),
        ({"match": {"name": "ЖЕЛТЫЕ"}}, ["bolt"]),
        ({"match": {"name.exact": "болтами"}}, []),
        ({"match": {"name.exact": "желтый"}}, ["bolt"]),
        ({"match": {"name.prefix": "жел"}}, ["bolt"]),
        ({"match": {"detail": "крепежа"}}, ["bolt"]),
        ({"match": {"detail": "p"}}, []),
        ({"match": {"properties_text": "красная"}}, ["bolt"]),
        ({"term": {"properties.COLOR": "Красный"}}, ["bolt"]),
        ({"match": {"sntinvest_articul.prefix": "SI 00-1"}}, ["bolt", "nut"]),
        ({"term": {"brand": "maxonor"}}, ["bolt"]),
        ({"range": {"price": {"lt": 13}}}, ["bolt"]),
        ({"nested": {"path": "prices", "query": {"term": {"prices.type": "BASE"}}}}, ["bolt"]),
        ({"match_all": {}}, ["bolt", "nut"]),
    ],
)
async def test_a_search_finds(products: Index, query: dict[str, Any], found: list[str]) -> None:
    assert await products.search(query) == found


@pytest.mark.parametrize("article", ["SI-00 1.2", "SI0012", "si-0012", "si 00-12"])
async def test_an_article_is_found_with_and_without_dashes(products: Index, article: str) -> None:
    assert await products.search({"term": {"sntinvest_articul": article}}) == ["bolt"]
    answer = await products.client.es.search(index=products.alias, query={"match": {"sntinvest_articul": article}})
    assert [hit["_source"]["sntinvest_articul"] for hit in answer["hits"]["hits"]] == ["SI-00 1.2"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"query_string": {"query": "*болт*", "fields": ["name"]}}, ["bolt"]),
        ({"query_string": {"query": "*Гайки*", "fields": ["name"]}}, ["nut"]),
        ({"query_string": {"query": "*жёлт*", "fields": ["name"]}}, ["bolt"]),
        ({"match_phrase": {"preview": {"query": "болт лодки", "slop": 1}}}, ["bolt"]),
        ({"match_phrase": {"detail": {"query": "крепёж стали", "slop": 1}}}, ["bolt"]),
        ({"term": {"fac_articul": "0007/А"}}, ["bolt"]),
        ({"term": {"brand": "Maxonor"}}, ["bolt"]),
        ({"term": {"xml_id": "bolt"}}, ["bolt"]),
    ],
)
async def test_the_queries_of_the_original_reader_work(
    products: Index, query: dict[str, Any], found: list[str]
) -> None:
    assert await products.search(query) == found


async def test_the_beginning_of_a_name_or_an_article_is_completed(products: Index) -> None:
    for prefix in ("болт", "SI-0"):
        suggest = {"s": {"prefix": prefix, "completion": {"field": "suggest"}}}
        answer = await products.client.es.search(index=products.alias, suggest=suggest, size=0)
        (options,) = answer["suggest"]["s"]
        assert [option["_id"] for option in options["options"]] == ["bolt"]
