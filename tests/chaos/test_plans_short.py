"""The kill test of the portal gateway in its short form: nothing is doubled, and without stamps and settling it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stack.kafka import Kafka
from stack.rabbitmq import RabbitMQ
from tests.chaos.plans.run import SHORT, UNSAFE, run_phase
from tests.chaos.plans.shape import Shape, Urls
from tests.chaos.reporting import report

pytestmark = [pytest.mark.chaos, pytest.mark.services]

SEED = 20261121


async def test_each_plan_is_executed_once_and_without_stamps_and_settling_it_is_not(
    kafka: Kafka, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """Both at once: they mostly wait."""

    async def run(form: str, name: str, shape: Shape) -> list[str]:
        folder = tmp_path / form / name
        verdict, traces = await run_phase(name, folder, Urls(kafka.url, rabbitmq.url), shape, SEED)
        report(verdict, traces, folder, word="trace")
        return [verdict.line(), *verdict.failures, *traces] if verdict.failures else []

    forms = [("safe", *item) for item in SHORT.items()] + [("unsafe", *item) for item in UNSAFE.items()]
    failed = [line for lines in await asyncio.gather(*(run(*form) for form in forms)) for line in lines]
    assert not failed, "\n".join(failed)
