"""Queues of the site on real brokers: made when missing, used as they are, read into events.*."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiormq.exceptions import ChannelNotFoundEntity

from pipeline.bridge.declare import declare_inbound
from pipeline.settings import Settings
from pipeline.topology import EVENTS_PRODUCT, EVENTS_SETTLEMENT, EVENTS_USER, InboundQueue
from tests.support.bridge import World, amqp, declare, ready_count, until, world
from tests.support.site import make_exchange, make_topics, send, site_settings

pytestmark = pytest.mark.services


def names(settings: Settings) -> dict[str, str]:
    """Short name -> name of the queue in this installation."""
    return {name.partition("-")[0]: name for name, queue in settings.queues.items() if queue.enabled}


def acked(w: World, queue: str) -> int:
    return next(status.acked for status in w.bridge.status().queues if status.queue == queue)


async def consuming(w: World) -> None:
    steady = [status for status in w.bridge.status().queues if status.mode == "steady"]
    assert steady
    await until(lambda: all(s.consuming for s in w.bridge.status().queues if s.mode == "steady"), "all are read")


async def test_queues_are_made_bound_and_read(kafka, rabbitmq, tmp_path: Path) -> None:
    given = site_settings(
        kafka.url,
        rabbitmq.url,
        tmp_path,
        {
            "user-*": {"event": "user", "exchange": "users-*"},
            "all-*": {"event": "product", "exchange": "products-*", "routing_key": "#"},
            "brand-*": {
                "event": "product",
                "exchange": "products-*",
                "routing_key": "property.brand.VIGRO",
                "catalog": "vigro",
            },
            "deal-*": {"event": "settlement", "exchange": "deals-*"},
            "later-*": {"event": "user", "exchange": "users-*", "mode": "on-command"},
        },
    )
    async with world(given.pop("kafka_url"), given.pop("amqp_url"), tmp_path, **given) as w:
        await make_topics(w.settings)
        own = names(w.settings)
        exchange = {short: w.settings.queues[name].exchange for short, name in own.items()}
        await w.run()
        await consuming(w)
        await until(lambda: len(w.bridge.status().queues) == 6, "all are shown")

        sent = datetime(2024, 8, 30, 12, 0, tzinfo=UTC)
        await send(w.url, exchange["user"], [b'\xef\xbb\xbf{"XML_ID": 7}'], message_id="m1", timestamp=sent)
        await send(w.url, exchange["all"], [b'{"XML_ID": "p1"}'], "property.brand.VIGRO")
        await send(w.url, exchange["all"], [b'{"XML_ID": "p2"}'], "property.brand.OTHER")
        three = b'{"a": {"XML_ID": "s1", "SUM": 0.10}, "b": {"XML_ID": "s2"}, "b": {"XML_ID": "s1"}}'
        await send(w.url, exchange["deal"], [three])
        await until(lambda: acked(w, own["deal"]) == 1 and acked(w, own["all"]) == 2, "all acked")
        await until(lambda: acked(w, own["brand"]) == 1 and acked(w, own["user"]) == 1, "all acked")

        (user,) = await w.records(EVENTS_USER)
        headers = {name: value.decode() for name, value in user.headers}
        assert (user.key, user.value) == (b"7", b'\xef\xbb\xbf{"XML_ID": 7}')
        assert (headers["queue"], headers["amqp-timestamp"]) == (own["user"], f"{sent.timestamp():.0f}")
        assert (headers["amqp-exchange"], headers["amqp-message-id"]) == (exchange["user"], "m1")
        assert user.timestamp_type == 1, "the broker's time: versions of documents come from the log"
        products = {(record.key, dict(record.headers).get("catalog")) for record in await w.records(EVENTS_PRODUCT)}
        assert products == {(b"p1", None), (b"p2", None), (b"p1\x1fvigro", b"vigro")}
        deals = sorted((record.key, record.value) for record in await w.records(EVENTS_SETTLEMENT))
        assert deals == [
            (b"s1", b'{"a":{"XML_ID": "s1", "SUM": 0.10}}'),
            (b"s1", b'{"b":{"XML_ID": "s1"}}'),
            (b"s2", b'{"b":{"XML_ID": "s2"}}'),
        ]
        assert await ready_count(w.url, own["deal"]) == 0
        assert await ready_count(w.url, own["later"]) == 1, "a queue that is drained by command stands and waits"
        assert all(status.differences == () for status in w.bridge.status().queues)


async def test_what_the_replaced_system_left_is_used_as_it_is_and_told(kafka, rabbitmq, tmp_path: Path) -> None:
    """Seeds, section 1.1: queues that are not durable and have a dead-letter exchange; exchanges with x-delayed-type,

    which RabbitMQ does not look at without its plug-in: no difference then.
    """
    given = site_settings(
        kafka.url,
        rabbitmq.url,
        tmp_path,
        {
            "user-*": {"event": "user", "exchange": "users-*"},
            "product-*": {"event": "product", "exchange": "products-*", "routing_key": "#"},
        },
    )
    async with world(given.pop("kafka_url"), given.pop("amqp_url"), tmp_path, **given) as w:
        await make_topics(w.settings)
        own = names(w.settings)
        users, products = (w.settings.queues[own[short]].exchange for short in ("user", "product"))
        await make_exchange(w.url, users, "fanout", {"x-delayed-type": "fanout"})
        await make_exchange(w.url, products, "fanout")
        await declare(w.url, own["user"], {"x-dead-letter-exchange": "delayed"}, durable=False)
        await w.run()
        await consuming(w)
        await send(w.url, users, [b'{"XML_ID": "u"}'])
        await send(w.url, products, [b'{"XML_ID": "p"}'], "property.brand.X")
        await until(lambda: acked(w, own["user"]) == acked(w, own["product"]) == 1, "both acked")
        told: dict[str, Any] = {status.queue: status.differences for status in w.bridge.status().queues}
        (queue,) = told[own["user"]]
        assert "'durable'" in queue and "'x-dead-letter-exchange'" in queue
        assert queue.endswith("it is not durable: a restart of RabbitMQ loses it, and messages with it")
        (kind,) = told[own["product"]]
        assert kind.startswith(f"exchange {products} is used as it is") and "'type'" in kind


async def test_without_a_mapping_nothing_of_the_site_is_made(kafka, rabbitmq, tmp_path: Path) -> None:
    given = site_settings(kafka.url, rabbitmq.url, tmp_path, {"user-*": {"event": "user", "exchange": "users-*"}})
    given["mapping"].unlink()
    given["mapping"] = Path("mapping.toml")
    async with world(given.pop("kafka_url"), given.pop("amqp_url"), tmp_path, **given) as w:
        await w.run()
        await w.reading()
        assert [status.queue for status in w.bridge.status().queues] == [w.settings.ampqin]
        (queue,) = names(w.settings).values()
        assert await ready_count(w.url, queue) is None
        async with amqp(w.url) as channel:
            with pytest.raises(ChannelNotFoundEntity):
                await channel.exchange_declare(w.settings.queues[queue].exchange, passive=True)


async def test_a_queue_that_is_not_ours_to_bind_is_only_read(kafka, rabbitmq, tmp_path: Path) -> None:
    async with world(kafka.url, rabbitmq.url, tmp_path) as w:
        await w.run()
        await w.reading()
        inbound = InboundQueue(f"unbound-{w.settings.ampqin}", EVENTS_USER, "event")
        assert await declare_inbound(w.bridge.inward, inbound) == []
        assert await ready_count(w.url, inbound.queue) == 0
