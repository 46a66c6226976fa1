"""The request kill test in its short form: every scenario, at most a minute each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.kill import SHORT, run_scenario
from tests.chaos.reporting import report
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.stage import Brokers

pytestmark = [pytest.mark.chaos, pytest.mark.services]


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """Kafka and RabbitMQ of these tests, which stop them."""
    made = Brokers(tmp_path_factory.mktemp("brokers"))
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("name", SCENARIOS)
async def test_every_request_has_its_answer(name: str, brokers: Brokers, tmp_path: Path) -> None:
    verdict, missing = await run_scenario(name, tmp_path, brokers, SHORT, seed=20261121)
    report(verdict, missing, tmp_path, word="missing")
    assert not verdict.failures, "\n".join([verdict.line(), *verdict.failures, *missing])
