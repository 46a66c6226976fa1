"""The kill test of the portal gateway in its short form: nothing is doubled, and without stamps and settling it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.plans.run import SHORT, UNSAFE, report, run_phase
from tests.chaos.plans.stage import Shape
from tests.chaos.stage import Brokers

pytestmark = [pytest.mark.chaos, pytest.mark.services]


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """Kafka and RabbitMQ of these tests, which stop them."""
    made = Brokers(tmp_path_factory.mktemp("brokers"))
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("form", [SHORT, UNSAFE], ids=["safe", "unsafe"])
async def test_each_plan_is_executed_once_unless_the_gateway_is_told_not_to_care(
    form: dict[str, Shape], brokers: Brokers, tmp_path: Path
) -> None:
    for name, shape in form.items():
        verdict, traces = await run_phase(name, tmp_path / name, brokers, shape, seed=20261121)
        report(verdict, traces, tmp_path / name)
        assert not verdict.failures, "\n".join([verdict.line(), *verdict.failures, *traces])
