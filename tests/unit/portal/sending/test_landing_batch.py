"""pipeline/portal/sending/landing.py: each row of its table, for commands of a batch and for a batch as a whole."""

import time
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from pipeline.delivery.errors import PipelineError
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.limits.presets import PortalLimits
from pipeline.portal.requests.row import Row
from pipeline.portal.wire.faults import (
    Answer,
    PortalAuth,
    PortalBlocked,
    PortalOversize,
    PortalPermanent,
    PortalThrottled,
    PortalTransient,
    PortalUnknown,
)
from tests.unit.portal.fakes import until
from tests.unit.portal.sending.ground import LIMITS, Ground, Refusal, deal, limited

Make = Callable[..., Ground]
NAMES = ["crm.a.list", "crm.b.list", "crm.c.list", "crm.d.list"]


async def four(make: Make, **given: object) -> tuple[Ground, list[Row]]:
    """Four reads that leave as one batch: there is one connection, and they are seen together."""
    ground = make(connections=1, **given)
    ground.looked.clear()
    rows = await ground.add_all(*({"method": name} for name in NAMES))
    return ground, rows


async def go(ground: Ground) -> None:
    ground.looked.set()
    await ground.all_done()


async def test_each_command_gets_the_answer_that_a_call_would_have_had(make: Make) -> None:
    ground, rows = await four(make)
    ground.portal.times = {"operating": 0.1}
    await go(ground)
    assert [call.names for call in ground.portal.calls] == [NAMES]
    for one in rows:
        assert ground.result(one)["result"] == 1 and ground.result(one)["time"]["operating"] == 0.1
        assert ground.answer(one).headers["status"] == "200" and ground.answer(one).headers["attempts"] == "1"
    assert ground.finished == 4 and ground.executor.per_minute(time.time()) == 4.0


@pytest.mark.parametrize(
    ("code", "status", "error_class"),
    [("ERROR_CORE", "400", "permanent"), ("insufficient_scope", "403", "auth")],
)
async def test_a_refused_command_is_an_error_answer_of_its_own(
    code: str, status: str, error_class: str, make: Make
) -> None:
    ground, rows = await four(make)
    ground.portal.refused[NAMES[1]] = Refusal(code)
    await go(ground)
    assert len(ground.portal.calls) == 1
    assert [ground.answer(one).headers.get("error-class") for one in rows] == [None, error_class, None, None]
    assert ground.result(rows[1])["error"] == code and ground.answer(rows[1]).headers["status"] == status


async def test_a_commands_method_at_its_limit_is_held_and_goes_again(make: Make) -> None:
    ground, rows = await four(make, limits=limited())
    ground.portal.refused[NAMES[1]] = Refusal("OPERATION_TIME_LIMIT")
    ground.looked.set()
    await until(lambda: set(ground.states()[::2]) == {"d"})
    assert ground.executor.governor.holds(time.time()).keys() == {("all", NAMES[1])}
    ground.portal.refused.clear()
    await ground.all_done()
    assert "error-class" not in ground.answer(rows[1]).headers
    assert ground.portal.commands == [*NAMES, NAMES[1]] and ground.executor.limiter.factor == 1.0


async def test_the_intensity_limit_told_of_a_command_is_heeded(make: Make) -> None:
    ground, _ = await four(make, limiter=Limiter(50.0, 50))
    ground.portal.refused[NAMES[1]] = Refusal("QUERY_LIMIT_EXCEEDED")
    ground.looked.set()
    await until(lambda: ground.executor.pause.word == "throttled")
    assert ground.executor.limiter.factor < 1
    ground.portal.refused.clear()
    await ground.all_done()


async def test_a_block_told_of_a_command_pauses_the_portal(make: Make) -> None:
    ground, rows = await four(make)
    ground.portal.refused[NAMES[1]] = Refusal("OVERLOAD_LIMIT")
    ground.looked.set()
    await until(lambda: ground.executor.pause.word == "blocked")
    ground.portal.refused.clear()
    await ground.all_done()
    assert "error-class" not in ground.answer(rows[1]).headers
    assert ground.portal.calls[1].at - ground.portal.calls[0].at >= 0.2


async def test_a_dead_credential_told_of_a_command_pauses_the_credential(make: Make) -> None:
    ground, rows = await four(make)
    ground.portal.refused[NAMES[1]] = Refusal("expired_token")
    ground.looked.set()
    await until(lambda: ground.executor.scheduler.holds(time.time()))
    ground.portal.refused.clear()
    await ground.all_done()
    assert "error-class" not in ground.answer(rows[1]).headers


async def test_a_command_that_the_answer_says_nothing_of_goes_again_if_it_is_a_read(make: Make) -> None:
    ground, rows = await four(make)
    ground.portal.silent.add(NAMES[2])
    ground.looked.set()
    await until(lambda: len(ground.portal.calls) == 2)
    await ground.all_done()
    assert ground.portal.commands == [*NAMES, NAMES[2]]
    assert ground.answer(rows[2]).headers["attempts"] == "2"


async def test_a_write_that_the_answer_says_nothing_of_is_looked_up(make: Make) -> None:
    ground, _ = await four(make)
    ground.portal.silent.add("crm.deal.add")
    one = await ground.add(**deal("7"))
    await go(ground)
    assert ground.portal.commands[5:] == ["crm.deal.list", "crm.deal.add"]
    assert len(ground.portal.deals) == 1 and "error-class" not in ground.answer(one).headers


async def test_a_command_that_may_not_be_in_a_batch_goes_alone(make: Make) -> None:
    ground, rows = await four(make)
    ground.portal.refused[NAMES[1]] = Refusal("ERROR_BATCH_METHOD_NOT_ALLOWED", packed=True)
    await go(ground)
    assert [call.packed for call in ground.portal.calls] == [True, False]
    assert "error-class" not in ground.answer(rows[1]).headers


async def test_a_command_beyond_the_length_of_a_batch_goes_again(make: Make) -> None:
    ground, rows = await four(make)
    ground.portal.refused[NAMES[3]] = Refusal("ERROR_BATCH_LENGTH_EXCEEDED")
    ground.looked.set()
    await until(lambda: ground.portal.calls)
    ground.portal.refused.clear()
    await ground.all_done()
    assert "error-class" not in ground.answer(rows[3]).headers and len(ground.portal.calls) == 2


# -- a batch as a whole

AGAIN = [
    PortalThrottled("503 QUERY_LIMIT_EXCEEDED"),
    PortalThrottled("429 of the batch itself", method_only=True),
    PortalTransient("refused", sent=False),
    PortalBlocked("OVERLOAD_LIMIT"),
    PortalAuth("expired", credential_dead=True),
]


@pytest.mark.parametrize("fault", AGAIN, ids=lambda fault: str(fault))
@pytest.mark.parametrize("limits", [limited(), limited(operating_limit=None)], ids=["limit", "no limit"])
async def test_what_was_not_executed_goes_again_as_a_whole(
    fault: PipelineError, limits: PortalLimits, make: Make
) -> None:
    ground, rows = await four(make, limits=limits)
    ground.portal.outcomes = [fault]
    await go(ground)
    assert all("error-class" not in ground.answer(one).headers for one in rows)
    assert sorted(ground.portal.commands) == sorted(NAMES * 2)


async def test_a_batch_that_is_refused_for_good_goes_one_by_one(make: Make) -> None:
    """It says nothing of any one of them; what it means is found out command by command."""
    ground, rows = await four(make)
    ground.portal.by["batch"] = PortalPermanent("HTTP 413", answer=Answer(413, b"<html>"))
    ground.portal.refused[NAMES[2]] = Refusal("ERROR_CORE")
    await go(ground)
    assert [call.packed for call in ground.portal.calls] == [True, False, False, False, False]
    assert [ground.answer(one).headers.get("error-class") for one in rows] == [None, None, "permanent", None]


async def test_also_the_steps_of_one_plan(make: Make) -> None:
    ground = make(connections=1)
    ground.portal.by["batch"] = PortalPermanent("HTTP 413", answer=Answer(413, b"<html>"))
    steps = [{"do": "call", "name": f"s{n}", "method": name, "after": []} for n, name in enumerate(NAMES)]
    one = await ground.add(method="plan", plan=True, body=orjson.dumps({"v": 1, "steps": steps}))
    await ground.all_done()
    assert [call.packed for call in ground.portal.calls] == [True, False, False, False, False]
    assert "error-class" not in ground.answer(one).headers


async def test_a_batch_without_right_goes_one_by_one(make: Make) -> None:
    ground, rows = await four(make)
    ground.portal.by["batch"] = PortalAuth("HTTP 403", answer=Answer(403, b"<html>"))
    await go(ground)
    assert len(ground.portal.calls) == 5 and all("error-class" not in ground.answer(one).headers for one in rows)


async def test_a_batch_whose_answer_is_too_long_was_executed(make: Make) -> None:
    """Reads go again, one by one; what was added is looked up, never added twice."""
    ground, rows = await four(make)
    added = await ground.add(**deal("7"))
    ground.portal.outcomes = [PortalOversize("too long", length=99, exact=True, answer=Answer(200, b""))]
    ground.portal.executes = True
    await go(ground)
    assert len(ground.portal.deals) == 1 and ground.result(added)["result"] == 100
    assert all("error-class" not in ground.answer(one).headers for one in rows)


@pytest.mark.parametrize(
    "answer", [b'{"result":{"result":null}}', b'{"result":true}', b'{"result":{}}'], ids=lambda body: body.decode()
)
async def test_an_answer_that_is_no_batchs_leaves_the_outcome_unknown(answer: bytes, make: Make) -> None:
    ground, rows = await four(make)
    added = await ground.add(**deal("7"))
    ground.portal.outcomes = [Answer(200, answer)]
    ground.portal.executes = True
    await go(ground)
    assert len(ground.portal.deals) == 1 and ground.result(added)["result"] == 100
    assert all("error-class" not in ground.answer(one).headers for one in rows)


async def test_a_batch_that_breaks_off_leaves_its_adds_to_be_looked_up(make: Make) -> None:
    """Three adds, executed but unanswered: one look-up for all of them, no add more."""
    ground = make(connections=1)
    ground.looked.clear()
    rows = await ground.add_all(*(deal() for _ in range(3)))
    ground.portal.outcomes = [PortalUnknown("reset")]
    ground.portal.executes = True
    await go(ground)
    assert [call.names for call in ground.portal.calls] == [["crm.deal.add"] * 3, ["crm.deal.list"]]
    assert [ground.result(one)["result"] for one in rows] == [100, 101, 102]


@pytest.mark.parametrize(("method", "batches"), [("crm.deal.add", 2), ("crm.x.update", 5)])
async def test_a_command_that_breaks_batches_does_not_take_the_others_with_it(
    method: str, batches: int, make: Make
) -> None:
    """Whatever batch it is in ends with a 502. Look-ups that succeed show that it is not the portal as a whole."""
    ground = make(connections=1, limits=replace(LIMITS, request_limit=0.05))
    ground.looked.clear()
    fields = b'{"id":5,"fields":{"TITLE":"x"}}'
    rows = await ground.add_all(*({"method": method, "body": fields} for _ in range(4)))
    ground.portal.by["batch"] = PortalUnknown("HTTP 502", answer=Answer(502, b"<html>"))
    await go(ground)
    packed = [call.packed for call in ground.portal.calls]
    assert packed.count(True) == batches and not any(packed[-4:])
    assert all("error-class" not in ground.answer(one).headers for one in rows)
