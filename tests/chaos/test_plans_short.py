"""The kill test of the portal gateway in its short form: nothing is doubled, and without stamps and settling it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.kafka import Kafka
from stack.rabbitmq import RabbitMQ
from tests.chaos.plans.run import SHORT, UNSAFE, report, run_phase
from tests.chaos.plans.stage import Shape, Urls

pytestmark = [pytest.mark.chaos, pytest.mark.services]


@pytest.mark.parametrize("form", [SHORT, UNSAFE], ids=["safe", "unsafe"])
async def test_each_plan_is_executed_once_unless_the_gateway_is_told_not_to_care(
    form: dict[str, Shape], kafka: Kafka, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    for name, shape in form.items():
        urls = Urls(kafka.url, rabbitmq.url)
        verdict, traces = await run_phase(name, tmp_path / name, urls, shape, seed=20261121)
        report(verdict, traces, tmp_path / name)
        assert not verdict.failures, "\n".join([verdict.line(), *verdict.failures, *traces])
