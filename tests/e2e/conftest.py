"""The shared installation of these tests: one worker, one simulator with a portal for each test that wants its own.

Tests with other settings, or that stop the worker, make their own with `worker_factory`.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from stack.sandbox import Portal
from stack.worker import Worker
from tests.e2e.installation import QUICK, UNLIMITED, Installation, Place, Places, Simulator, toml
from tests.support.services import PortalFactory, Services, WorkerFactory, failed_logs

PLACES = 100
#: A webhook that every place has in pipeline.toml, under the name `known`.
KNOWN_USER, KNOWN_TOKEN = "7", "token-of-the-settings-2Wd8"
#: A webhook that no setting names; all portals take it.
FOREIGN_USER, FOREIGN_TOKEN = "8", "token-of-a-header-9Qx4"


class Install(Protocol):
    """`install(worker)`: what is outside of a worker that has been started, once it reads its queue."""

    def __call__(self, worker: Worker, *, url: str | None = None, declare: bool = True) -> Installation: ...


@pytest.fixture(scope="package")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    services = Services(tmp_path_factory.mktemp("e2e"))
    yield services
    services.close()


@pytest.fixture(scope="package")
def simulator(_shared: Services) -> Portal:
    """Places p000, p001, ..., and the portals `default`, `strict` and `far`, without limits."""
    names = ["strict", "far", *(f"p{number:03}" for number in range(PLACES))]
    tokens = ["1:sandbox", f"{KNOWN_USER}:{KNOWN_TOKEN}", f"{FOREIGN_USER}:{FOREIGN_TOKEN}"]
    flags = [*(f"--portal={name}" for name in names), *(f"--token={token}" for token in tokens)]
    return PortalFactory(_shared)("--no-limits", *flags)


@pytest.fixture(scope="package")
def limited(_shared: Services) -> Portal:
    """A portal with an intensity limit that a test can reach."""
    return PortalFactory(_shared)("--rate=10", "--burst=10", "--portal=greedy")


@pytest.fixture(scope="package")
def absent(_shared: Services) -> Portal:
    """A portal that is down: nothing listens there until a test starts it."""
    return PortalFactory(_shared)("--no-limits", start=False)


@pytest.fixture(scope="package")
def workers(request: pytest.FixtureRequest, _shared: Services) -> WorkerFactory:
    """Makes workers that serve more than one test."""
    addresses = {"KAFKA_URL": "kafka", "AMPQURL": "rabbitmq"}
    return WorkerFactory(_shared, lambda name: str(request.getfixturevalue(addresses[name]).url))


@pytest.fixture(scope="package")
def bus(workers: WorkerFactory, simulator: Portal, limited: Portal, absent: Portal) -> Iterator[Installation]:
    """The shared worker, its portals in pipeline.toml."""
    pauses = {"METHOD_HOLD": "3", "CREDENTIAL_PROBE": "3", "BLOCKED_PROBE": "3", "REQUEST_TIMEOUT": "5"}
    env = UNLIMITED | QUICK | {f"PIPELINE_{name}": seconds for name, seconds in pauses.items()}
    worker = workers(Simulator(simulator).rest, env=env, start=False)
    _write_settings(worker.folder, simulator, limited, absent)
    worker.start()
    installation = Installation(worker)
    installation.until_reading()
    yield installation
    installation.close()
    assert worker.running, f"the shared worker has ended\n{failed_logs([worker])}"


def _write_settings(folder: Path, simulator: Portal, limited: Portal, absent: Portal) -> None:
    known = {"user": KNOWN_USER, "token": KNOWN_TOKEN}
    reader = known | {"methods": ["crm.deal.list", "crm.*.get"]}
    names = [f"p{number:03}" for number in range(PLACES)]
    portals: dict[str, dict[str, object]] = {
        name: {"address": Simulator(simulator, name).rest, "rate": "none", "credentials": {"known": known}}
        for name in names
    }
    portals["strict"] = {
        "address": Simulator(simulator, "strict").rest,
        "rate": "none",
        "unknown_tokens": False,
        "credentials": {"reader": reader},
    }
    portals["limited"] = {"address": limited.rest, "rate": 10, "burst": 10}
    # told nothing of the limit that it has
    portals["greedy"] = {"address": Simulator(limited, "greedy").rest, "rate": "none"}
    portals["absent"] = {"address": absent.rest, "rate": "none"}
    (folder / "pipeline.toml").write_text(toml(portals))


@pytest.fixture(scope="package")
def places(bus: Installation, simulator: Portal) -> Places:
    """Hands out portals that no other test uses."""
    numbers = itertools.count()
    return lambda: Place(bus, Simulator(simulator, f"p{next(numbers):03}"))


@pytest.fixture
def place(places: Places) -> Place:
    """A portal of the test's own."""
    return places()


@pytest.fixture
def install() -> Iterator[Install]:
    """The outside of a worker that the test has made, which reads its queue."""
    made: list[Installation] = []

    def installed(worker: Worker, *, url: str | None = None, declare: bool = True) -> Installation:
        installation = Installation(worker, url=url, declare=declare)
        made.append(installation)
        installation.until_reading()
        return installation

    yield installed
    for installation in made:
        installation.close()
