"""Topics are made from topology.py when a worker starts; what exists is compared, never silently used or changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code

from pipeline.delivery.retry import Backoff

__all__ = ["TopicPlan", "declare", "wait_for_kafka"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic as it should be in Kafka. `strict`: another number of partitions is refused, not only reported."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]
    strict: bool = True


async def wait_for_kafka(servers: Sequence[str]) -> AIOKafkaAdminClient:
    """A started admin client; waits for Kafka for ever, with a line in the log each time."""
    backoff = Backoff(0.5, 10.0)
    attempt = 1
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=list(servers), request_timeout_ms=15_000)
        try:
            await admin.start()
            return admin
        except (KafkaConnectionError, KafkaError, OSError) as error:
            await admin.close()
            logger.warning("Kafka at %s does not answer (attempt %d): %s", ",".join(servers), attempt, error)
            await asyncio.sleep(backoff.pause(attempt))
            attempt += 1


async def declare(admin: AIOKafkaAdminClient, plans: Sequence[TopicPlan]) -> list[str]:
    """Create what is missing. Returns what must stop the start, one line each; differences that do not are logged.

    Raises:
        KafkaError: the broker refused a creation (rights, replication factor).
    """
    existing = set(await admin.list_topics())
    for plan in plans:
        if plan.name not in existing:
            await _create(admin, plan)
    await _wait_until_known(admin, [plan.name for plan in plans])
    described = {topic["topic"]: topic for topic in await admin.describe_topics([plan.name for plan in plans])}
    refusals = []
    for plan in plans:
        count = len(described[plan.name]["partitions"])
        if count != plan.partitions:
            line = f"topic {plan.name} has {count} partitions, topology.py declares {plan.partitions}"
            if plan.strict:
                refusals.append(f"{line}; keys would move and their state stay behind")
            else:
                logger.warning("%s", line)
    refusals += await _unfit(admin, [plan for plan in plans if plan.name in existing])
    return refusals


async def _create(admin: AIOKafkaAdminClient, plan: TopicPlan) -> None:
    topic = NewTopic(plan.name, plan.partitions, plan.replication, topic_configs=dict(plan.config))
    try:
        response = await admin.create_topics([topic])
    except TopicAlreadyExistsError:
        return
    for entry in response.topic_errors:
        name, code = entry[0], entry[1]
        error = for_code(code)
        if error is TopicAlreadyExistsError:
            continue  # another worker that starts at the same moment made it
        if code:
            raise error(f"topic {name} cannot be created: {entry[2] if len(entry) > 2 else code}")
        logger.info("created topic %s with %d partitions", name, plan.partitions)


async def _wait_until_known(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    while True:
        described = await admin.describe_topics(list(names))
        if all(topic["error_code"] == 0 and topic["partitions"] for topic in described):
            return
        await asyncio.sleep(0.1)


async def _unfit(admin: AIOKafkaAdminClient, plans: Sequence[TopicPlan]) -> list[str]:
    """Topics that exist with settings that would lose something.

    One that takes shorter records than we send would end the worker again and again; one that is our memory and is
    not compacted would forget it after its retention.
    """
    lines = []
    for plan in plans:
        config = await _config(admin, plan.name, ("max.message.bytes", "cleanup.policy"))
        limit = int(plan.config.get("max.message.bytes", 0))
        if int(config["max.message.bytes"]) < limit:
            lines.append(
                f"topic {plan.name} takes records of at most {config['max.message.bytes']} bytes, {limit} are needed: "
                f"set its max.message.bytes, or PIPELINE_MESSAGE_LIMIT"
            )
        if plan.config.get("cleanup.policy") == "compact" and config["cleanup.policy"] != "compact":
            lines.append(
                f"topic {plan.name} has cleanup.policy={config['cleanup.policy']}, it must be compact: "
                f"it holds what is to be remembered for ever"
            )
    return lines


async def _config(admin: AIOKafkaAdminClient, topic: str, names: Sequence[str]) -> dict[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict.fromkeys(names, ""))
    responses = await admin.describe_configs([resource])
    return {item[0]: str(item[1]) for response in responses for entry in response.resources for item in entry[4]}
