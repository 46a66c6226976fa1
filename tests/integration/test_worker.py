"""The factories of portals and workers: real processes, separate from each other, that come back after a kill."""

import pytest

from stack.demo import Client, Target
from stack.probe import answers_200
from stack.worker import Worker
from tests.support.services import PortalFactory, WorkerFactory

pytestmark = pytest.mark.services


async def _answered(worker: Worker, count: int) -> int:
    env = worker.env
    target = Target(env["AMPQURL"], env["AMPQIN"], env["AMPQOUT"], own_answers=False)
    result = await Client(target, lambda r: None).run(count)
    assert result.errors == 0
    return result.answered


async def test_a_worker_answers_before_and_after_a_kill_and_with_another_one(
    portal_factory: PortalFactory, worker_factory: WorkerFactory
) -> None:
    portal = portal_factory("--no-limits")
    unlimited = {"PIPELINE_PORTAL_RATE": "none", "PIPELINE_SESSION_TIMEOUT": "6"}
    worker = worker_factory(portal.rest, env=unlimited)
    assert await _answered(worker, 20) == 20
    worker.kill()
    assert not worker.running and not worker.ready()
    worker.start()
    assert await _answered(worker, 20) == 20
    other = worker_factory(like=worker)
    assert other.env["PIPELINE_APP_ID"] == worker.env["PIPELINE_APP_ID"]
    assert answers_200(other.web_port, "/readyz")
    assert await _answered(worker, 20) == 20
    worker.stop()
    other.wait_ready()
    assert await _answered(other, 20) == 20
