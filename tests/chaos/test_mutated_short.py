"""Broken messages in their short form: each is an effect or a dead letter that names a place, and the worker lives."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.kafka import Kafka
from stack.rabbitmq import RabbitMQ
from tests.chaos.day.shape import Urls
from tests.chaos.mutated.run import run_mutated

pytestmark = [pytest.mark.chaos, pytest.mark.services]

COUNT, SEED, RATE = 300, 20261122, 200.0


async def test_each_broken_message_is_an_effect_or_a_dead_letter(
    kafka: Kafka, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """Without the comparison of delays, which `python -m tests.chaos.mutated` has."""
    verdict = await run_mutated(tmp_path / "mutated", Urls(kafka.url, rabbitmq.url), COUNT, SEED, RATE, alone=False)
    print(verdict.table())
    assert not verdict.failures, "\n".join([verdict.table(), *verdict.failures])
    ends = [name for count in verdict.ends.values() for name in count]
    assert {"effect", "refused"} <= set(ends), "broken messages are both"
