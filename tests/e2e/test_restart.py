"""Requests that wait outlive the worker: ended by SIGTERM, and by SIGKILL (issue 3, section 5)."""

import pytest

from tests.e2e.conftest import Install
from tests.e2e.installation import QUICK, Simulator
from tests.e2e.test_portal_down import titles_by_deal
from tests.e2e.waiting import eventually
from tests.support.services import PortalFactory, WorkerFactory

pytestmark = pytest.mark.services

DEALS, ROUNDS = (1, 2), 12


def test_waiting_requests_outlive_the_worker(
    portal_factory: PortalFactory, worker_factory: WorkerFactory, install: Install
) -> None:
    portal = Simulator(portal_factory("--rate=2", "--burst=10"))
    for deal in DEALS:
        assert portal.call("crm.deal.add", {"fields": {"TITLE": "new"}}) == deal
    limits = {"PIPELINE_PORTAL_RATE": "2", "PIPELINE_PORTAL_BURST": "10"}
    worker = worker_factory(portal.rest, env=QUICK | limits)
    bus = install(worker)
    asked = [
        bus.send("crm.deal.update", {"id": deal, "fields": {"TITLE": f"{deal}-{n}"}})
        for n in range(ROUNDS)
        for deal in DEALS
    ]

    def executed(least: int) -> None:
        eventually(lambda: portal.executed("crm.deal.update") >= least, f"{least} are executed")
        assert portal.executed("crm.deal.update") < len(asked), "some wait: or this shows nothing"

    executed(4)
    worker.stop()
    assert worker.process.returncode == 0
    at_stop = portal.executions()
    worker.start()
    executed(10)
    worker.kill()
    worker.start()

    answers = [bus.mailbox.wait(message_id) for message_id in asked]
    assert {(answer.error_class, answer.json["result"]) for answer in answers} == {(None, True)}
    assert portal.counters()["refused"] == 0, "the limit was kept across the restarts"
    wanted = {deal: [f"{deal}-{n}" for n in range(ROUNDS)] for deal in DEALS}
    done = titles_by_deal(portal.executions())
    assert {deal: list(dict.fromkeys(titles)) for deal, titles in done.items()} == wanted, "order per deal"
    repeated = sum(map(len, done.values())) - len(asked)
    assert repeated <= 1, "only what was at the portal when the worker was killed"
    assert len(titles_by_deal(at_stop)[1]) == len(set(titles_by_deal(at_stop)[1]))
    bus.ask("profile")
    doubles = [answer for answer in bus.mailbox.all() if len(bus.mailbox.of(answer.message_id or "")) > 1]
    assert len({(answer.message_id, answer.headers["answer-id"], answer.body) for answer in doubles}) <= 1, "the same"
