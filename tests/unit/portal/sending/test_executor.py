"""pipeline/portal/sending/executor.py: each outcome of its table, as it meets row, scheduler, pause and answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

import orjson
import pytest

from pipeline.delivery.errors import PipelineError
from pipeline.delivery.retry import Backoff
from pipeline.portal.access.credentials import Credentials
from pipeline.portal.access.seal import Sealer
from pipeline.portal.limits.limiter import Limiter
from pipeline.portal.limits.pause import Probes
from pipeline.portal.requests.completion import Completion
from pipeline.portal.requests.row import DONE, SENT, WAITING, Row
from pipeline.portal.sending import executor as module
from pipeline.portal.sending.executor import GIVE_UP_AFTER, Executor
from pipeline.portal.sending.scheduler import Entry
from pipeline.portal.view import portal_state
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
from pipeline.settings import PortalSettings
from pipeline.topology import RESULTS
from tests.unit.portal.fakes import Kafka, MemoryTable, book_on, row, settle, until

OK = Answer(200, b'{"result":1}')
Outcome = Answer | PipelineError


@dataclass
class Call:
    user: str
    token: str
    method: str
    body: bytes
    stored: str
    at: float = field(default_factory=time.time)


class Client:
    """A portal: outcomes one after another, then OK; by method where `by` names one; `gate` holds answers back."""

    def __init__(self, ground: "Ground") -> None:
        self.ground = ground
        self.outcomes: list[Outcome] = []
        self.by: dict[str, Outcome] = {}
        self.calls: list[Call] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.out = 0

    async def call(self, address: str, user: str, token: str, method: str, body: bytes) -> Answer:
        assert address == self.ground.executor.settings.address
        assert self.out == 0, "one call at a time"
        stored = self.ground.states()
        self.calls.append(Call(user, token, method, body, stored))
        self.out += 1
        try:
            await self.gate.wait()
        finally:
            self.out -= 1
        outcome = self.by.get(method) or (self.outcomes.pop(0) if self.outcomes else OK)
        if isinstance(outcome, PipelineError):
            raise outcome
        return outcome


class Ground:
    def __init__(self, portals: dict[str, PortalSettings], credentials: Credentials, limiter: Limiter | None = None):
        self.table = MemoryTable()
        self.kafka = Kafka()
        self.book = book_on(self.table)
        self.completion = Completion(self.book, cast(Any, self.kafka), Backoff(0.001, 0.002))
        self.client = Client(self)
        self.finished = 0
        self.rows: list[Row] = []
        self.executor = Executor(
            "default",
            portals["default"],
            book=self.book,
            client=cast(Any, self.client),
            credentials=credentials,
            completion=self.completion,
            limiter=limiter or Limiter(None, 50),
            backoff=Backoff(0.002, 0.01),
            probes=Probes(method_hold=0.05, credential_probe=0.05, blocked_probe=0.05),
            bulk_share=0.2,
            on_finished=self._on_finished,
        )
        self.looked = asyncio.Event()
        self.looked.set()
        self.executor.start(self._look)

    async def _look(self, executor: Executor) -> None:
        assert executor is self.executor
        await self.looked.wait()

    def _on_finished(self) -> None:
        self.finished += 1

    async def add(self, **given: Any) -> Row:
        one = row(**given)
        await self.book.accept(one)
        self.rows.append(one)
        self.executor.add(Entry(one))
        return one

    def states(self) -> str:
        """Of all rows in the table, in order."""
        return "".join(self.book.load(one).state for one in self.rows)

    async def all_done(self) -> None:
        await until(lambda: set(self.states()) <= {DONE})

    def answer(self, one: Row) -> Any:
        (record,) = [record for record in self.kafka.of(RESULTS) if record.headers["answer-id"] == one.identity]
        return record

    @property
    def methods(self) -> list[str]:
        return [call.method for call in self.client.calls]


@pytest.fixture
async def make(portals: dict[str, PortalSettings], credentials: Credentials) -> AsyncIterator[Callable[..., Ground]]:
    made: list[Ground] = []

    def make_one(**given: Any) -> Ground:
        made.append(Ground(portals, credentials, **given))
        return made[-1]

    yield make_one
    for ground in made:
        ground.client.gate.set()
        await ground.executor.stop()
        await ground.completion.drain(1)


@pytest.fixture
async def ground(make: Callable[..., Ground]) -> Ground:
    return make()


async def test_an_answer_goes_out_verbatim_and_the_row_is_done(ground: Ground) -> None:
    answer = Answer(200, b'{"result": [1,  2]}')
    ground.client.outcomes = [answer]
    one = await ground.add(body=b'{"a":1}', message_id="m")
    await ground.all_done()
    record = ground.answer(one)
    assert record.value == answer.body
    assert (record.headers["status"], record.headers["attempts"], record.headers["message-id"]) == ("200", "1", "m")
    (call,) = ground.client.calls
    assert (call.user, call.token, call.body) == ("1", "allallall", b'{"a":1}')
    assert ground.finished == 1 and len(ground.executor.scheduler) == 0
    assert ground.executor.per_minute(time.time()) == 1.0 and ground.executor.per_minute(time.time() + 61) == 0.0


async def test_sent_is_written_before_a_call_that_may_not_be_repeated_and_only_then(ground: Ground) -> None:
    await ground.add(repeatable=False, method="crm.deal.add")
    await ground.all_done()
    await ground.add(repeatable=True)
    await ground.all_done()
    assert [call.stored for call in ground.client.calls] == [SENT, DONE + WAITING]


async def test_one_call_at_a_time_in_order(ground: Ground) -> None:
    ground.client.gate.clear()
    for number in range(5):
        await ground.add(method=f"crm.a{number}.list")
    await settle()
    assert len(ground.client.calls) == 1 and ground.executor.in_flight == 1
    ground.client.gate.set()
    await ground.all_done()
    assert ground.methods == [f"crm.a{number}.list" for number in range(5)]


FINAL = [
    (PortalPermanent("no such method", answer=Answer(400, b'{"error":"X"}')), "permanent", b'{"error":"X"}'),
    (PortalAuth("no rights", answer=Answer(403, b'{"error":"insufficient_scope"}')), "auth", b'{"error":"insuff'),
    (
        PortalOversize("too long", length=99, exact=True, answer=Answer(200, b"")),
        "oversize",
        b"BUS_ANSWER_TOO",
    ),
]


@pytest.mark.parametrize(("error", "error_class", "body"), FINAL, ids=lambda given: type(given).__name__)
async def test_what_is_final_is_an_error_answer(
    error: PipelineError, error_class: str, body: bytes, ground: Ground
) -> None:
    ground.client.outcomes = [error]
    one = await ground.add()
    await ground.all_done()
    record = ground.answer(one)
    assert record.headers["error-class"] == error_class and body in record.value
    assert len(ground.client.calls) == 1 and ground.executor.pause.word == "ok"


async def test_throttled_backs_off_and_goes_again(make: Callable[..., Ground]) -> None:
    ground = make(limiter=Limiter(50.0, 50))
    ground.client.outcomes = [PortalThrottled("503 QUERY_LIMIT_EXCEEDED"), OK]
    one = await ground.add(repeatable=False)
    await until(lambda: len(ground.client.calls) == 1)
    await settle()
    assert ground.executor.pause.word == "throttled" and ground.executor.limiter.factor < 1
    assert portal_state(ground.executor, time.time()).state == "throttled"
    await ground.all_done()
    assert ground.client.calls[1].at - ground.client.calls[0].at >= 0.02
    assert ground.answer(one).headers["attempts"] == "2" and ground.executor.pause.word == "ok"


async def test_a_method_at_its_limit_is_held_others_go_on(ground: Ground) -> None:
    until_time = time.time() + 0.15
    ground.client.outcomes = [PortalThrottled("429", until=until_time, method_only=True)]
    held = await ground.add(method="crm.deal.list")
    also = await ground.add(method="crm.deal.list")
    free = await ground.add(method="crm.company.list")
    await until(lambda: ground.book.load(free).state == DONE)
    assert ground.states() == WAITING + WAITING + DONE and ground.executor.pause.word == "ok"
    state = portal_state(ground.executor, time.time())
    assert (state.state, state.waiting) == ("held", 2) and "crm.deal.list" in state.reason
    await ground.all_done()
    assert all(call.at >= until_time for call in ground.client.calls[2:])
    assert ground.answer(held).headers["attempts"] == "2" and ground.answer(also).headers["attempts"] == "1"


async def test_never_sent_pauses_the_portal_and_goes_again_first(ground: Ground) -> None:
    ground.client.outcomes = [PortalTransient("refused; nothing was sent", sent=False)] * 3
    await ground.add(method="crm.first.list")
    await ground.add(method="crm.second.list")
    await until(lambda: ground.executor.pause.word == "down")
    assert portal_state(ground.executor, time.time()).reason.startswith("refused")
    await ground.all_done()
    assert ground.methods == ["crm.first.list"] * 4 + ["crm.second.list"]
    assert ground.executor.pause.word == "ok"


async def test_a_portal_that_is_down_for_long_loses_nothing_and_gives_up_nothing(ground: Ground) -> None:
    ground.client.outcomes = [PortalTransient("refused", sent=False)] * 30
    one = await ground.add()
    await ground.all_done()
    assert "error-class" not in ground.answer(one).headers


async def test_unknown_is_tried_again_while_nobody_is_served(ground: Ground) -> None:
    ground.client.outcomes = [PortalUnknown("no answer in time")] * (GIVE_UP_AFTER + 5)
    one = await ground.add()
    await ground.all_done()
    assert ground.answer(one).headers["attempts"] == str(GIVE_UP_AFTER + 6)


async def test_unknown_is_given_up_when_the_portal_serves_others(ground: Ground) -> None:
    ground.client.by["crm.bad.list"] = PortalUnknown("HTTP 502", answer=Answer(502, b"<html>"))
    bad = await ground.add(method="crm.bad.list")

    async def others() -> None:
        while ground.book.load(bad).state != DONE:
            await ground.add(method="crm.deal.list")
            await asyncio.sleep(0.002)

    async with asyncio.timeout(5):
        await others()
    record = ground.answer(bad)
    assert record.headers["error-class"] == "unknown" and orjson.loads(record.value)["error"] == "BUS_UNKNOWN_OUTCOME"
    assert ground.methods.count("crm.bad.list") == GIVE_UP_AFTER
    await ground.all_done()


async def test_a_retry_keeps_its_order_key(ground: Ground) -> None:
    ground.client.outcomes = [PortalUnknown("reset")]
    await ground.add(method="crm.deal.update", order="deal:1", body=b"1")
    await ground.add(method="crm.deal.update", order="deal:1", body=b"2")
    await ground.add(method="crm.deal.list", body=b"free")
    await ground.all_done()
    bodies = [call.body for call in ground.client.calls]
    assert [body for body in bodies if body != b"free"] == [b"1", b"1", b"2"]


async def test_a_configured_credential_that_is_refused_waits_others_go_on(ground: Ground) -> None:
    ground.client.outcomes = [PortalAuth("expired_token", credential_dead=True)]
    waiting = await ground.add(credential="all", credential_id="all")
    other = await ground.add(credential="crm", credential_id="crm")
    await until(lambda: ground.book.load(other).state == DONE)
    assert ground.book.load(waiting).state == WAITING
    assert portal_state(ground.executor, time.time()).state == "auth"
    await ground.all_done()
    assert "error-class" not in ground.answer(waiting).headers
    assert [call.token for call in ground.client.calls] == ["allallall", "crmcrmcrm", "allallall"]


async def test_a_token_of_the_messages_own_that_is_refused_is_an_error_answer(ground: Ground, sealer: Sealer) -> None:
    ground.client.outcomes = [PortalAuth("invalid", credential_dead=True, answer=Answer(401, b'{"error":"NO_AUTH"}'))]
    one = await ground.add(credential=None, credential_id="sealed:x", sealed=sealer.seal("7", "own-token"))
    other = await ground.add()
    await ground.all_done()
    assert ground.client.calls[0].token == "own-token"
    assert ground.answer(one).headers["error-class"] == "auth"
    assert "error-class" not in ground.answer(other).headers


async def test_a_credential_that_cannot_be_resolved_is_an_error_answer_without_a_call(ground: Ground) -> None:
    gone = await ground.add(credential="gone")
    foreign = await ground.add(credential=None, sealed="x.not-ours")
    await ground.all_done()
    for one in (gone, foreign):
        assert ground.answer(one).headers["error-class"] == "auth" and ground.answer(one).headers["attempts"] == "0"
    assert ground.client.calls == []


async def test_a_block_pauses_the_whole_portal_and_is_probed(ground: Ground) -> None:
    ground.client.outcomes = [PortalBlocked("OVERLOAD_LIMIT")]
    await ground.add(method="crm.first.list")
    await ground.add(method="crm.second.list")
    await until(lambda: ground.executor.pause.word == "blocked")
    state = portal_state(ground.executor, time.time())
    assert (state.state, state.waiting, state.reason) == ("blocked", 2, "OVERLOAD_LIMIT")
    await ground.all_done()
    assert ground.client.calls[1].at - ground.client.calls[0].at >= 0.05
    assert ground.methods == ["crm.first.list", "crm.first.list", "crm.second.list"]


async def test_the_next_of_a_key_goes_while_kafka_takes_the_answer(ground: Ground) -> None:
    ground.kafka.gate.clear()
    first = await ground.add(order="deal:1")
    await ground.add(order="deal:1")
    await until(lambda: len(ground.client.calls) == 2)
    assert ground.book.load(first).state == WAITING and ground.kafka.taken == []
    ground.kafka.gate.set()
    await ground.all_done()


async def test_the_limiters_slots_are_kept(make: Callable[..., Ground]) -> None:
    limiter = Limiter(100.0, 1)
    ground = make(limiter=limiter)
    for _ in range(5):
        await ground.add()
    await ground.all_done()
    times = [call.at for call in ground.client.calls]
    assert times[-1] - times[0] >= 4 / 100 - 0.005


async def test_a_clock_set_back_while_waiting_for_a_slot_ends_nothing(
    make: Callable[..., Ground], monkeypatch: pytest.MonkeyPatch
) -> None:
    back = [0.0]
    real = time.time
    monkeypatch.setattr(module.time, "time", lambda: real() - back[0])
    ground = make(limiter=Limiter(50.0, 1))
    await ground.add()
    await until(lambda: ground.client.calls)
    await ground.add()
    await settle()
    back[0] = 3600.0
    await ground.all_done()


async def test_stop_waits_for_the_call_that_is_out_and_begins_no_other(ground: Ground) -> None:
    ground.client.gate.clear()
    one = await ground.add(repeatable=False)
    other = await ground.add(repeatable=False)
    await until(lambda: ground.client.calls)
    stopping = asyncio.create_task(ground.executor.stop())
    await settle()
    assert not stopping.done()
    ground.client.gate.set()
    await stopping
    await until(lambda: ground.book.load(one).state == DONE)
    assert ground.book.load(other).state == WAITING and len(ground.client.calls) == 1


async def test_nothing_is_called_before_the_look_for_answers_that_are_there(make: Callable[..., Ground]) -> None:
    ground = make()
    ground.looked.clear()
    one = await ground.add()
    other = await ground.add()
    await settle()
    assert ground.client.calls == []
    assert portal_state(ground.executor, time.time()).reason.startswith("taken over: looking for answers")
    ground.executor.scheduler.drop(next(iter(ground.executor.scheduler)))
    ground.looked.set()
    await until(lambda: ground.book.load(other).state == DONE)
    assert ground.book.load(one).state == WAITING and len(ground.client.calls) == 1


async def test_a_stop_does_not_wait_for_the_look(make: Callable[..., Ground]) -> None:
    ground = make()
    ground.looked.clear()
    await ground.add()
    await settle()
    async with asyncio.timeout(1):
        await ground.executor.stop()
    assert ground.client.calls == []


async def test_a_call_that_does_not_come_back_is_left_as_sent(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STOP_TIMEOUT", 0.02)
    ground.client.gate.clear()
    one = await ground.add(repeatable=False)
    await until(lambda: ground.client.calls)
    await ground.executor.stop()
    stored = ground.book.load(one)
    assert (stored.state, stored.attempts) == (SENT, 1) and ground.kafka.taken == []


async def test_what_has_no_place_in_the_table_ends_the_worker(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    deaths: list[str] = []

    class Died(Exception): ...

    def died(reason: str, error: BaseException | None = None) -> NoReturn:
        deaths.append(reason)
        raise Died

    monkeypatch.setattr(module, "die", died)
    ground.client.outcomes = [PipelineError("strange")]
    one = await ground.add()
    assert ground.executor._task is not None
    with pytest.raises(Died):
        await ground.executor._task
    assert "PipelineError" in deaths[0] and ground.book.load(one).state == WAITING
