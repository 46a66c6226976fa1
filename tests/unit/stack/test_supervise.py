"""A worker that ends is started again, but not for ever."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from stack import supervise
from stack.process import ProcessError
from stack.supervise import GivenUp, Supervisor


class FakeWorker:
    """Ends at once as often as `ends` says; raises at the start when `broken`."""

    def __init__(self, ends: int, *, broken: bool = False) -> None:
        self.ends = ends
        self.broken = broken
        self.starts = 0
        self.log = Path("worker.log")
        self.process: Any = self
        self.returncode = -9
        self.pid = 4711

    @property
    def running(self) -> bool:
        self.ends -= 1
        return self.ends < 0

    def start(self) -> None:
        self.starts += 1
        if self.broken:
            raise ProcessError("not ready")

    def tail(self, lines: int) -> str:
        return "the last words"


def _watch(worker: FakeWorker, said: list[str]) -> Any:
    supervisor = Supervisor(worker, said.append)  # type: ignore[arg-type]
    return asyncio.wait_for(supervisor.watch(), 0.1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "INTERVAL", 0.001)


async def test_it_is_started_again_and_its_last_words_are_shown() -> None:
    worker, said = FakeWorker(2), list[str]()
    with pytest.raises(TimeoutError):
        await _watch(worker, said)
    assert worker.starts == 2
    assert "by signal 9" in said[0] and "the last words" in said[0]
    assert "started again as process 4711" in said[1]


async def test_a_worker_that_ends_again_and_again_is_given_up() -> None:
    worker = FakeWorker(1000)
    with pytest.raises(GivenUp, match="5 times"):
        await _watch(worker, [])
    assert worker.starts == supervise.ENDS - 1


async def test_a_worker_that_does_not_start_is_given_up() -> None:
    with pytest.raises(GivenUp, match="not ready"):
        await _watch(FakeWorker(1, broken=True), [])
