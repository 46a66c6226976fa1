"""Requests that wait outlive the worker: ended by SIGTERM, and by SIGKILL (issue 3, section 5)."""

import pytest

from tests.e2e.conftest import Install
from tests.e2e.installation import QUICK, Simulator
from tests.e2e.test_portal_down import titles_by_deal
from tests.e2e.waiting import eventually
from tests.support.services import PortalFactory, WorkerFactory

pytestmark = pytest.mark.services

DEALS, ROUNDS = (1, 2), 14


def test_waiting_requests_outlive_the_worker(
    portal_factory: PortalFactory, worker_factory: WorkerFactory, install: Install
) -> None:
    portal = Simulator(portal_factory("--rate=4", "--burst=10"))
    for deal in DEALS:
        assert portal.call("crm.deal.add", {"fields": {"TITLE": f"new {deal}"}}) == deal
    limits = {"PIPELINE_PORTAL_RATE": "4", "PIPELINE_PORTAL_BURST": "10"}
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
    answered = {answer.message_id for answer in bus.mailbox.all()}
    worker.start()
    executed(10)
    assert all(len(bus.mailbox.of(message_id or "")) == 1 for message_id in answered), "a clean end repeats no answer"
    digests = [run["digest"] for run in portal.executions()]
    assert len(digests) == len(set(digests)), "and no call"
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
    bus.ask("profile")
    differing = 0
    for message_id in asked:
        came = bus.mailbox.of(message_id)
        assert len({answer.headers["answer-id"] for answer in came}) == 1
        differing += len({answer.body for answer in came}) - 1
    assert differing <= repeated, "an answer that comes again is the same, unless the call was repeated too"
