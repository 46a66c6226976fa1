"""A real worker: products on their way from Kafka to Elasticsearch, which is killed meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from pipeline.topology import DEAD_LETTERS, EVENTS_PRODUCT, SEARCH_DOCUMENTS
from stack.elasticsearch import Elasticsearch
from stack.kafka import Kafka
from tests.support.delivery import Installation, eventually
from tests.support.search import Index
from tests.support.services import GivenElasticsearch, GivenKafka

pytestmark = pytest.mark.services


@pytest.fixture
def installation(
    kafka: Kafka | GivenKafka, elasticsearch: Elasticsearch | GivenElasticsearch, index: Index, tmp_path: Path
) -> Iterator[Installation]:
    installation = Installation(kafka.bootstrap, tmp_path, app="tests.support.search_app")
    installation.env |= {
        "ES_URL": elasticsearch.url,
        "INDEX": index.alias,
        "PIPELINE_RETRY_MIN": "0.1",
        "PIPELINE_RETRY_MAX": "0.5",
    }
    yield installation
    installation.close()


def products(first: int, last: int) -> list[bytes]:
    return [orjson.dumps({"XML_ID": f"p{n}", "NAME": f"Болт {n}"}) for n in range(first, last)]


async def test_products_wait_while_elasticsearch_is_away_and_none_is_lost(
    installation: Installation, elasticsearch: Elasticsearch | GivenElasticsearch, index: Index
) -> None:
    if isinstance(elasticsearch, GivenElasticsearch):
        pytest.skip("the node is given, it cannot be killed")
    worker = installation.start()

    async def indexed(count: int) -> bool:
        if not await index.indices():
            return False
        await index.refresh()
        return len(await index.all()) == count

    async def taken(count: int) -> bool:
        return sum((await installation.committed(EVENTS_PRODUCT)).values()) >= count

    try:
        await eventually(lambda: _true(installation.said("pipeline: ready")), 40, "the worker is ready")
        wrong = [b"no json", orjson.dumps({"XML_ID": "huge", "NAME": "x", "PROPERTY_VALUES": brand("б" * 40_000)})]
        await installation.put(EVENTS_PRODUCT, [*products(0, 300), *wrong])
        await eventually(lambda: indexed(300), 40, "the first documents are there")
        unreadable, refused = await installation.records(DEAD_LETTERS, 2)
        reasons = {dict(one.headers)["dl-agent"]: dict(one.headers)["dl-last-error"] for one in (unreadable, refused)}
        assert b"no JSON" in reasons[b"search"]
        assert b"immense term" in reasons[b"search-sink"]

        elasticsearch.kill()
        await installation.put(EVENTS_PRODUCT, products(300, 900))
        # the flow goes on: only the documents wait, and it is told
        await eventually(lambda: taken(902), 40, "products are taken in while Elasticsearch is away")
        await eventually(lambda: _true(installation.said("sink: transient")), 20, "the trouble is told")
        assert sum((await installation.committed(SEARCH_DOCUMENTS)).values()) == 301
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        installation.start()
    finally:
        if not elasticsearch.running:
            elasticsearch.start()
    await eventually(lambda: indexed(900), 60, "all documents are there")
    assert len(await installation.records(DEAD_LETTERS, 2)) == 2
    assert installation.said("sink: well") >= 2


def brand(text: str) -> dict[str, object]:
    return {"BRAND": {"NAME": "Бренд", "CODE": "BRAND", "PROPERTY_TYPE": "S", "VALUE": text}}


async def _true(value: object) -> bool:
    return bool(value)
