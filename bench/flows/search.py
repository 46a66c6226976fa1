"""Products into Elasticsearch: our worker beside a bare `async_bulk` with the same documents, in one run.

`async_bulk` reads from memory and keeps nothing safe; ours reads Kafka, acks after each document's own success, and
on its whole way decodes the message and carries the document through a topic of its own. The index is the same.
Measured from the first call, or from the moment that the worker has its partitions, until the index has taken the last
document; Elasticsearch is warmed up before. Goal: 0.9 of `async_bulk`.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from elasticsearch import AsyncElasticsearch, OrjsonSerializer
from elasticsearch.helpers import async_bulk

from bench.measure import cpu_seconds
from pipeline.delivery.flow import Event
from pipeline.delivery.records import wire_headers
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.flows.messages.decoders import decode_product
from pipeline.flows.search import document
from pipeline.search.index import first_alias, index_name, settings_and_mappings
from pipeline.topology import EVENTS_PRODUCT, PARTITIONS, SEARCH_DOCUMENTS
from stack.elasticsearch import Elasticsearch
from stack.kafka import Kafka

ROOT = Path(__file__).parents[2]
FAUST = str(Path(sys.executable).parent / "faust")
NOUNS = ("Болт", "Гайка", "Шайба", "Кран", "Муфта", "Фильтр", "Насос", "Труба", "Вентиль", "Смеситель")
KINDS = ("оцинкованный", "нержавеющий", "латунный", "усиленный", "шаровой", "для воды", "с резьбой", "бытовой")
CHUNK = 1000
COUNT, ROUNDS = 20_000, 2
#: documents that a cold Elasticsearch gets before anything is measured
WARM = 5000


def product(number: int) -> bytes:
    """A product as the site sends it, about 2 KB."""
    dice = random.Random(number)
    name = f"{dice.choice(NOUNS)} {dice.choice(KINDS)} {dice.choice(KINDS)} {number}"
    text = " ".join(dice.choice(NOUNS + KINDS) for _ in range(40))
    brand = dice.choice(("Maxonor", "VIGRO", "Prado"))
    properties: dict[str, Any] = {
        "BRAND": {"CODE": "BRAND", "NAME": "Бренд", "PROPERTY_TYPE": "L", "VALUE": {"XML_ID": brand, "VALUE": brand}}
    }
    for code, value in (
        ("SNTINVEST_ARTICUL", f"SI-{number:06}"),
        ("FAC_ARTICUL", f"{number % 997:04}-{number % 7}/A"),
        ("COLOR", dice.choice(("Красный", "Синий", "Белый"))),
        ("COLLECTION", dice.choice(("Аква", "Терма"))),
    ):
        properties[code] = {"CODE": code, "NAME": code.title(), "PROPERTY_TYPE": "S", "VALUE": value}
    body = {
        "ID": str(number),
        "XML_ID": f"{number:08x}-1c01-11e9-b1c1-00155d0a0001",
        "NAME": name,
        "ACTIVE": "Y",
        "PREVIEW_TEXT": f"{name}. {text[:100]}",
        "DETAIL_TEXT": f"<p>{text}</p>",
        "DETAIL_TEXT_TYPE": "html",
        "SECTION_XML_ID": f"section-{number % 50}",
        "PRICES": [{"PRICE": {"PRICE": f"{dice.randrange(100, 900_000) / 100:.2f}", "CURRENCY": "RUB"}}],
        "PROPERTY_VALUES": properties,
    }
    return orjson.dumps(body)


class Bench:
    """One Elasticsearch and one Kafka; every measurement has an index and topics of its own."""

    def __init__(self, es: str, kafka: str, count: int) -> None:
        self.kafka = kafka
        self.url = es
        self.es = AsyncElasticsearch(es, serializer=OrjsonSerializer(), request_timeout=60)
        self.bodies = [product(number) for number in range(count)]

    async def run(self, rounds: int) -> dict[str, dict[str, float]]:
        """The best round of each way: products/s."""
        ways: dict[str, Callable[[str], Coroutine[Any, Any, dict[str, float]]]] = {
            "bare async_bulk, from memory": self.bare,
            "our sink: documents in Kafka -> index": self.sink,
            "our whole way: products in Kafka -> documents -> index": self.whole,
        }
        best: dict[str, dict[str, float]] = {}
        everything, self.bodies = self.bodies, self.bodies[:WARM]
        await self._with_index(self.bare)
        self.bodies = everything
        for _ in range(rounds):
            for name, way in ways.items():
                figures = await self._with_index(way)
                if name not in best or figures["rate"] > best[name]["rate"]:
                    best[name] = figures
        await self.es.close()
        return best

    async def _with_index(self, way: Callable[[str], Coroutine[Any, Any, dict[str, float]]]) -> dict[str, float]:
        alias = f"b{uuid.uuid4().hex[:8]}"
        aliases = {alias: first_alias()}
        await self.es.indices.create(index=index_name(alias, 1), **settings_and_mappings(), aliases=aliases)
        try:
            return await way(alias)
        finally:
            await self.es.indices.delete(index=index_name(alias, 1))

    def documents(self, alias: str) -> list[Any]:
        """The documents of all products, as the flow makes them."""
        mapping = Mapping(catalogs={"default": CatalogMapping(iblock=1, index=alias)})
        return [
            document(Event(EVENTS_PRODUCT, 0, n, None, {}, body, decode_product(body), 1_000.0), mapping)
            for n, body in enumerate(self.bodies)
        ]

    async def bare(self, alias: str) -> dict[str, float]:
        """The client library's own helper."""
        actions = [
            {
                "_index": alias,
                "_id": one.id,
                "version": one.version,
                "version_type": "external_gte",
                "_source": orjson.loads(one.source),
            }
            for one in self.documents(alias)
        ]
        began = time.perf_counter(), time.process_time()
        await async_bulk(self.es, actions, chunk_size=CHUNK)
        seconds, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
        return {"rate": len(actions) / seconds, "cpu_us": cpu / len(actions) * 1e6}

    async def sink(self, alias: str) -> dict[str, float]:
        """The second half alone."""
        records = [one.record({}) for one in self.documents(alias)]
        filled = [(one.key, one.value, wire_headers(one.headers)) for one in records]
        return await self._worker(alias, SEARCH_DOCUMENTS, filled)

    async def whole(self, alias: str) -> dict[str, float]:
        """From the message."""
        filled = [(f"p{n}".encode(), body, []) for n, body in enumerate(self.bodies)]
        return await self._worker(alias, EVENTS_PRODUCT, filled)

    async def _worker(self, alias: str, topic: str, records: list[tuple[bytes | None, bytes | None, Any]]) -> Any:
        prefix = f"{alias}."
        await self._fill(f"{prefix}{topic}", records)
        with tempfile.TemporaryDirectory() as folder:
            env = {
                **os.environ,
                "KAFKA_URL": self.kafka,
                "ES_URL": self.url,
                "INDEX": alias,
                "PYTHONPATH": str(ROOT),
                "PIPELINE_APP_ID": alias,
                "PIPELINE_TOPIC_PREFIX": prefix,
                "PIPELINE_DATA_DIR": folder,
            }
            log = Path(folder) / "log"
            with log.open("wb") as out:
                command = [FAUST, "-A", "bench.apps.search", "worker", "--without-web", "-l", "info"]
                process = subprocess.Popen(command, env=env, cwd=folder, stdout=out, stderr=out)
            try:
                return await self._watch(alias, len(records), process, log)
            finally:
                process.kill()
                process.wait()

    async def _watch(self, alias: str, count: int, process: subprocess.Popen[bytes], log: Path) -> dict[str, float]:
        """From the moment that the worker has its partitions: everything that a product costs is within."""
        while b"pipeline: ready" not in log.read_bytes():
            if process.poll() is not None:
                raise RuntimeError(log.read_text()[-3000:])
            await asyncio.sleep(0.005)
        began = time.perf_counter(), cpu_seconds(process.pid)
        while await self._indexed(alias) < count:
            if process.poll() is not None:
                raise RuntimeError(log.read_text()[-3000:])
            await asyncio.sleep(0.03)
        seconds, cpu = time.perf_counter() - began[0], cpu_seconds(process.pid) - began[1]
        return {"rate": count / seconds, "cpu_us": cpu / count * 1e6}

    async def _indexed(self, alias: str) -> int:
        """Documents that were written, whether searches see them yet or not."""
        stats = await self.es.indices.stats(index=alias, metric="indexing", filter_path="_all.primaries")
        return int(stats["_all"]["primaries"]["indexing"]["index_total"])

    async def _fill(self, topic: str, records: list[tuple[bytes | None, bytes | None, Any]]) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        config = {"max.message.bytes": "17825792", "cleanup.policy": "compact"}
        if not topic.endswith(EVENTS_PRODUCT):
            config.pop("cleanup.policy")
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=config)])
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka, linger_ms=20, max_batch_size=131_072)
        await producer.start()
        futures = [await producer.send(topic, value, key=key, headers=headers) for key, value, headers in records]
        await asyncio.gather(*futures)
        await producer.stop()


def run(folder: Path, count: int = COUNT, rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Figures of each way, on services of its own."""
    kafka, es = Kafka(folder / "kafka"), Elasticsearch(folder / "elasticsearch")
    try:
        for service in (kafka, es):
            service.start()
        return asyncio.run(Bench(es.url, kafka.bootstrap, count).run(rounds))
    finally:
        for service in (kafka, es):
            service.stop()
        es.remove()


def rows(best: dict[str, dict[str, float]]) -> list[tuple[object, ...]]:
    """Lines of the table: way, products/s, CPU us/product, x async_bulk."""
    bare = best["bare async_bulk, from memory"]["rate"]
    return [
        (name, round(figures["rate"]), round(figures["cpu_us"]), figures["rate"] / bare)
        for name, figures in best.items()
    ]
