"""The table test in its short form: at most a minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.table import SHORT, report, run_table
from tests.support.services import KafkaFactory

pytestmark = [pytest.mark.chaos, pytest.mark.services]


async def test_every_key_is_counted_right(kafka_factory: KafkaFactory, tmp_path: Path) -> None:
    verdict = await run_table(tmp_path, kafka_factory(), SHORT, seed=20261121)
    report(verdict, tmp_path)
    assert not verdict.failures, "\n".join([verdict.line(), *verdict.failures])
