"""The end of the process is an exception here."""

import pytest

from pipeline.delivery import runner
from pipeline.search import lane, runs
from tests.unit.delivery.fakes import deaths, died


@pytest.fixture(autouse=True)
def _no_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    deaths.clear()
    for module in (runner, lane, runs):
        monkeypatch.setattr(module, "die", died)
