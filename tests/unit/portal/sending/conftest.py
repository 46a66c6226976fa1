"""`make` makes executors on portals in memory, `ground` is one; all are stopped after the test.

`deaths` are the reasons for which the worker would have ended: a test that does not clear them fails.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NoReturn

import pytest

from pipeline.delivery import pool
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.requests import completion
from pipeline.portal.sending import executor, landing
from pipeline.settings import PortalSettings
from tests.unit.portal.sending.ground import Ground


class Died(BaseException):
    """In place of the end of the process."""


@pytest.fixture(autouse=True)
def deaths(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    seen: list[str] = []

    def died(reason: str, error: BaseException | None = None) -> NoReturn:
        seen.append(f"{reason}: {error!r}")
        raise Died

    for module in (executor, landing, completion, pool):
        monkeypatch.setattr(module, "die", died)
    yield seen
    assert seen == []


@pytest.fixture
async def make(portals: dict[str, PortalSettings], credentials: Credentials) -> AsyncIterator[Callable[..., Ground]]:
    made: list[Ground] = []

    def make_one(**given: Any) -> Ground:
        made.append(Ground(portals, credentials, **given).start())
        return made[-1]

    yield make_one
    for ground in made:
        await ground.end()


@pytest.fixture
async def ground(make: Callable[..., Ground]) -> Ground:
    return make()
