"""The end of the process is an exception here."""

import pytest

from pipeline.delivery import guard, pool, producer, pure, runner
from tests.unit.delivery.fakes import FakeRuntime, deaths, died


@pytest.fixture(autouse=True)
def _no_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    deaths.clear()
    for module in (guard, pool, producer, pure, runner):
        monkeypatch.setattr(module, "die", died)


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime()
