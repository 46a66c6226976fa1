"""A whole day in its short form: kills and faults, and the portal equals the model; played again it writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.kafka import Kafka
from stack.rabbitmq import RabbitMQ
from tests.chaos.day.run import run_day
from tests.chaos.day.shape import SHORT, Urls

pytestmark = [pytest.mark.chaos, pytest.mark.services]

SEED = 20261121


async def test_a_day_ends_as_the_model_says_and_its_second_play_writes_nothing(
    kafka: Kafka, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """Without an index, which has tests of its own; `python -m tests.chaos.day` has both."""
    verdict = await run_day(tmp_path / "day", Urls(kafka.url, rabbitmq.url), SHORT, SEED)
    print(verdict.table())
    assert not verdict.failures, "\n".join([verdict.table(), *verdict.failures])
