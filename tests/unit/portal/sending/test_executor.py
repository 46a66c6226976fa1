"""pipeline/portal/sending/executor.py: rows, connections, order keys, slots, stop. Answers: test_landing.py."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from pipeline.delivery.errors import Transient
from pipeline.delivery.ownership import Lost
from pipeline.portal.limits.governor import Governor as UsualGovernor
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.requests.row import DONE, SENT, WAITING
from pipeline.portal.sending import executor as module
from pipeline.portal.view import portal_state
from pipeline.portal.wire.access import Access
from pipeline.portal.wire.faults import Answer, PortalUnknown
from pipeline.topology import DEAD_LETTERS, RESULTS
from tests.unit.portal.fakes import settle, until
from tests.unit.portal.sending.ground import LIMITS, Ground, deal

Make = Callable[..., Ground]
WRITE: dict[str, Any] = {"method": "crm.x.update", "body": b'{"id":5,"fields":{"TITLE":"x"}}'}


async def test_an_answer_goes_out_verbatim_and_the_row_is_done(ground: Ground) -> None:
    answer = Answer(200, b'{"result": [1,  2]}')
    ground.portal.outcomes = [answer]
    one = await ground.add(body=b'{"a":1}', message_id="m")
    await ground.all_done()
    record = ground.answer(one)
    assert record.value == answer.body
    assert (record.headers["status"], record.headers["attempts"], record.headers["message-id"]) == ("200", "1", "m")
    (call,) = ground.portal.calls
    assert (call.access, call.body) == (Access.webhook("1", "allallall"), b'{"a":1}')
    assert ground.finished == 1 and len(ground.executor.scheduler) == 0
    assert ground.executor.per_minute(time.time()) == 1.0 and ground.executor.per_minute(time.time() + 61) == 0.0


async def test_a_call_keeps_the_name_that_its_client_gave_it(ground: Ground) -> None:
    await ground.add(method="crm.Deal.LIST.json", body=b'{ "filter": {"ID": 5} }')
    await ground.all_done()
    (call,) = ground.portal.calls
    assert (call.method, call.body) == ("crm.Deal.LIST.json", b'{ "filter": {"ID": 5} }')


# -- sent


async def test_sent_is_written_before_a_call_that_changes_something_and_only_then(ground: Ground) -> None:
    await ground.add(**deal())
    await ground.all_done()
    await ground.add()
    await ground.all_done()
    assert [call.stored for call in ground.portal.calls] == [SENT, DONE + WAITING]


async def test_of_a_batch_the_rows_of_writes_are_sent_before_it_leaves(make: Make) -> None:
    ground = make(connections=1)
    ground.looked.clear()
    await ground.add_all(deal(), {}, WRITE, {})
    ground.looked.set()
    await ground.all_done()
    (call,) = ground.portal.calls
    assert call.packed and call.stored == SENT + WAITING + SENT + WAITING


async def test_nothing_leaves_before_its_row_is_durable(ground: Ground) -> None:
    one, other = await ground.accept(**deal()), await ground.accept()
    ground.table.gate.clear()
    ground.enqueue(one)
    ground.enqueue(other)
    await until(lambda: ground.portal.calls)
    await settle()
    assert [call.method for call in ground.portal.calls] == ["crm.deal.list"], "a read waits for nothing"
    ground.table.gate.set()
    await ground.all_done()
    assert ground.portal.methods == ["crm.deal.list", "crm.deal.add"]


async def test_kafka_away_a_write_waits_for_its_row(ground: Ground) -> None:
    one = await ground.accept(**deal())
    ground.table.errors += [Transient("away")] * 5
    ground.enqueue(one)
    await ground.all_done()
    assert ground.portal.calls[0].stored == SENT and len(ground.portal.deals) == 1


async def test_the_time_in_a_row_is_not_old_when_its_call_leaves(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka took a minute: the next owner would believe that the portal's time limit is over already."""
    late = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + late[0])
    one = await ground.accept(**deal())
    ground.table.gate.clear()
    ground.portal.gate.clear()
    ground.enqueue(one)
    await settle()
    late[0] = 60.0
    ground.table.gate.set()
    await until(lambda: ground.portal.calls)
    stored = ground.book.load(one)
    assert stored.state == SENT and real() + 59.0 < stored.sent_at <= real() + 60.0


async def test_a_write_leaves_although_kafka_is_slow_each_time(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row says a time that lies ahead then, which only makes the next owner wait longer."""
    late = [0.0]
    real, put = time.time, ground.table.put_all
    monkeypatch.setattr(time, "time", lambda: real() + late[0])

    async def slow(*args: Any, **given: Any) -> None:
        late[0] += 3.0
        await put(*args, **given)

    one = await ground.accept(**deal())
    monkeypatch.setattr(ground.table, "put_all", slow)
    ground.portal.gate.clear()
    ground.enqueue(one)
    await until(lambda: ground.portal.calls)
    assert late[0] == 9.0 and ground.book.load(one).sent_at >= ground.portal.calls[0].at
    late[0] += 60.0
    ground.portal.gate.set()
    await ground.all_done()


async def test_the_limiters_state_is_noted_before_the_calls_that_it_covers(make: Make) -> None:
    limiter = Limiter(50.0, 50)
    ground = make(limiter=limiter, limits=replace(LIMITS, rate=50.0))
    ground.portal.gate.clear()
    await ground.add(method="crm.deal.list")
    await until(lambda: ground.portal.calls)
    noted = ground.book.bucket(ground.executor.partition, "default")
    assert noted is not None and noted > limiter.state()
    ground.portal.gate.set()
    await ground.all_done()
    await ground.executor.stop()
    assert ground.book.bucket(ground.executor.partition, "default") == limiter.state(), "given up in good order: exact"


# -- order keys


async def test_order_keys_are_held_until_the_row_is_done(ground: Ground) -> None:
    """Else a crash could leave the first one to be made again after the second one."""
    ground.kafka.gate.clear()
    first, second = await ground.add_all({**WRITE, "keys": ("deal:1",)}, {**WRITE, "keys": ("deal:1",)})
    free = await ground.add()
    await until(lambda: ground.kafka.on_its_way == 2)
    await settle()
    assert len(ground.portal.calls) == 2 and ground.state(first) == SENT
    ground.kafka.gate.set()
    await ground.all_done()
    answers = [record.headers["answer-id"] for record in ground.kafka.of(RESULTS)]
    assert answers.index(first.identity) < answers.index(second.identity)
    assert ground.portal.calls[2].stored[0] == DONE and ground.answer(free)


async def test_a_request_without_key_does_not_wait_for_kafka(ground: Ground) -> None:
    ground.kafka.gate.clear()
    for number in range(5):
        await ground.add()
        await until(lambda number=number: len(ground.portal.calls) == number + 1)
    assert ground.kafka.taken == []
    ground.kafka.gate.set()
    await ground.all_done()


# -- connections


async def test_three_calls_at_once_and_no_more(make: Make) -> None:
    ground = make(batch_room=1)
    ground.portal.gate.clear()
    for number in range(6):
        await ground.add(method=f"crm.a{number}.list")
    await until(lambda: ground.portal.out == 3)
    await settle()
    assert ground.portal.out == 3 and ground.executor.in_flight == 3
    ground.portal.gate.set()
    await ground.all_done()
    assert ground.portal.methods == [f"crm.a{number}.list" for number in range(6)] and ground.portal.most_out == 3


async def test_one_connection_is_kept_for_the_interactive_lane(make: Make) -> None:
    ground = make(batch_room=1)
    ground.portal.gate.clear()
    for _ in range(5):
        await ground.add(lane="b", method="crm.bulk.list")
    await until(lambda: ground.portal.out == 2)
    await settle()
    assert ground.portal.out == 2
    await ground.add(method="crm.interactive.list")
    await until(lambda: ground.portal.out == 3)
    assert ground.portal.methods == ["crm.bulk.list", "crm.bulk.list", "crm.interactive.list"]
    ground.portal.gate.set()
    await ground.all_done()


async def test_with_one_connection_bulk_goes_too(make: Make) -> None:
    ground = make(connections=1)
    await ground.add(lane="b")
    await ground.all_done()


async def test_bulk_keeps_its_share_of_the_calls(make: Make) -> None:
    ground = make(connections=1, batch_room=1, bulk_share=0.25)
    ground.looked.clear()
    await ground.add_all(*({"method": "crm.i.list"} for _ in range(20)))
    await ground.add_all(*({"method": "crm.b.list", "lane": "b"} for _ in range(20)))
    ground.looked.set()
    await ground.all_done()
    assert ground.portal.methods[:16].count("crm.b.list") == 4


async def test_lanes_and_credentials_never_share_a_batch(make: Make) -> None:
    ground = make(connections=1)
    ground.looked.clear()
    for _ in range(3):
        await ground.add_all(
            {"method": "crm.i.list"},
            {"method": "crm.b.list", "lane": "b"},
            {"method": "crm.c.list", "credential": "crm", "credential_id": "crm"},
        )
    ground.looked.set()
    await ground.all_done()
    assert {call.packed for call in ground.portal.calls} == {True}
    assert sorted(tuple(set(call.names)) for call in ground.portal.calls) == [
        ("crm.b.list",),
        ("crm.c.list",),
        ("crm.i.list",),
    ]
    assert {call.access.token for call in ground.portal.calls if "crm.c.list" in call.names} == {"crmcrmcrm"}


async def test_packing_sets_in_when_more_waits_than_connections_are_free(ground: Ground) -> None:
    ground.looked.clear()
    await ground.add_all(*({"method": f"crm.a{number}.list"} for number in range(3)))
    ground.looked.set()
    await ground.all_done()
    assert [call.packed for call in ground.portal.calls] == [False] * 3, "each has a connection of its own"
    await ground.add_all(*({"method": f"crm.b{number}.list"} for number in range(4)))
    await ground.all_done()
    assert [len(call.names) for call in ground.portal.calls[3:]] == [4]


# -- when


async def test_the_limiters_slots_are_kept(make: Make) -> None:
    limiter = Limiter(100.0, 1)
    ground = make(limiter=limiter, batch_room=1)
    for _ in range(5):
        await ground.add()
    await ground.all_done()
    times = [call.at for call in ground.portal.calls]
    assert times[-1] - times[0] >= 4 / 100 - 0.005


async def test_a_batch_takes_one_slot(make: Make) -> None:
    limiter = Limiter(0.001, 2)
    ground = make(limiter=limiter, connections=1)
    ground.looked.clear()
    await ground.add_all(*({} for _ in range(20)))
    ground.looked.set()
    await ground.all_done()
    assert len(ground.portal.calls) == 1


async def test_a_clock_set_back_while_waiting_for_a_slot_ends_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - back[0])
    ground = make(limiter=Limiter(50.0, 1))
    await ground.add()
    await until(lambda: ground.portal.calls)
    await ground.add()
    await settle()
    back[0] = 3600.0
    await ground.all_done()


async def test_a_hold_that_ends_while_it_is_looked_at_is_not_waited_out(make: Make) -> None:
    """Nothing else would wake it: no arrival, no answer, no time."""

    class Governor(UsualGovernor):
        asked = 0

        def ready_at(self, credential: str, method: str, now: float, *, urgent: bool = False) -> float | None:
            self.asked += 1
            return now + 3600 if self.asked == 1 else None

    ground = make(governor=lambda costs: Governor(None, 6.0, costs))
    await ground.add()
    await ground.all_done()
    assert len(ground.portal.calls) == 1


async def test_nothing_is_called_before_the_look_for_answers_that_are_there(make: Make) -> None:
    ground = make()
    ground.looked.clear()
    one, other = await ground.add_all({}, {})
    await settle()
    assert ground.portal.calls == []
    assert portal_state(ground.executor, time.time()).reason.startswith("taken over: looking for answers")
    ground.executor.scheduler.drop(next(iter(ground.executor.scheduler)))
    ground.looked.set()
    await until(lambda: ground.state(other) == DONE)
    assert ground.state(one) == WAITING and len(ground.portal.calls) == 1


# -- stop


async def test_a_stop_does_not_wait_for_the_look(make: Make) -> None:
    ground = make()
    ground.looked.clear()
    await ground.add()
    await settle()
    async with asyncio.timeout(1):
        await ground.executor.stop()
    assert ground.portal.calls == []


async def test_stop_waits_for_the_calls_that_are_out_and_begins_no_other(make: Make) -> None:
    ground = make(batch_room=1)
    ground.portal.gate.clear()
    rows = await ground.add_all(*(deal() for _ in range(5)))
    await until(lambda: ground.portal.out == 3)
    stopping = asyncio.create_task(ground.executor.stop())
    await settle()
    assert not stopping.done()
    ground.portal.gate.set()
    await stopping
    await until(lambda: ground.states() == DONE * 3 + WAITING * 2)
    assert len(ground.portal.calls) == 3 and all(ground.answer(one) for one in rows[:3])


async def test_calls_that_do_not_come_back_are_left_as_sent(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STOP_TIMEOUT", 0.02)
    ground.portal.gate.clear()
    rows = await ground.add_all(*(deal() for _ in range(6)))
    await until(lambda: ground.portal.calls)
    await ground.executor.stop()
    assert [(ground.book.load(one).state, ground.book.load(one).attempts) for one in rows] == [(SENT, 0)] * 6
    assert ground.kafka.taken == []


async def test_what_the_portal_answers_after_it_was_lost_is_left_to_the_next_owner(ground: Ground) -> None:
    one = await ground.accept(**deal())
    ground.table.errors.append(Lost("another worker has it"))
    ground.enqueue(one)
    await settle()
    await until(lambda: not ground.executor.in_flight)
    assert ground.portal.calls == [] and ground.state(one) == WAITING and ground.kafka.taken == []


async def test_lost_while_the_row_is_written_ends_quietly(ground: Ground) -> None:
    ground.portal.gate.clear()
    one = await ground.add(**deal())
    await until(lambda: ground.portal.calls)
    ground.table.errors.append(Lost("another worker has it"))
    ground.portal.gate.set()
    await until(lambda: ground.kafka.of(RESULTS))
    await settle()
    assert ground.state(one) == SENT and ground.finished == 0


# -- the unexpected


async def test_a_defect_ends_the_worker_with_its_work_undone(ground: Ground, deaths: list[str]) -> None:
    one = await ground.add(body=b"no json", method="crm.x.list")
    await until(lambda: deaths)
    assert "the gateway of portal default ended" in deaths.pop() and ground.state(one) == WAITING


async def test_what_nobody_can_settle_is_answered_and_a_dead_letter(make: Make) -> None:
    """An add of something that has no field for an external id."""
    ground = make(connections=1)
    ground.portal.by["crm.x.add"] = PortalUnknown("HTTP 502", answer=Answer(502, b"<html>"))
    one = await ground.add(method="crm.x.add", body=b'{"fields":{}}', message_id="m", reply_to="back")
    await ground.all_done()
    (letter,) = ground.kafka.of(DEAD_LETTERS)
    assert letter.headers["dl-error-class"] == "unknown" and letter.value == b'{"fields":{}}'
    assert orjson.loads(ground.answer(one).value)["error"] == "BUS_UNKNOWN_OUTCOME"
    assert len(ground.portal.calls) == 1
