"""pipeline/portal/sending/shipment.py and outcome.py: what leaves, and its answer taken apart."""

from typing import Any

import orjson
import pytest

from pipeline.portal.sending.entry import Entry
from pipeline.portal.sending.outcome import charges, outcomes
from pipeline.portal.sending.shipment import Flight, Shipment
from pipeline.portal.steps.command import Command, Executed, LookUp
from pipeline.portal.wire import encode
from pipeline.portal.wire.faults import Answer, PortalAuth, PortalPermanent, PortalThrottled, PortalUnknown
from pipeline.portal.wire.times import Times
from tests.unit.portal.fakes import row

TIME = {"operating": 1.5, "duration": 0.25, "finish": 1000.0, "operating_reset_at": 1600}
TOLD = Times(operating=1.5, reset_at=1600.0, duration=0.25, finish=1000.0)


def flight() -> Flight:
    one = row()
    return Flight(Entry(one), one)


def command(method: str = "crm.deal.list", *, write: bool = False, **params: Any) -> Command:
    """A command as the packer leaves it."""
    made = Command(method, params, write)
    made.query = encode.command(method, params) if encode.fits(method, params) else ""
    return made


def shipment(*commands: Command) -> Shipment:
    made = Shipment("i", "all", row())
    for one in commands:
        made.add(flight(), one, 0.5)
    return made


def test_one_command_leaves_as_it_came() -> None:
    given = Command("crm.Deal.LIST", {"a": 1}, write=False, body=b'{ "a": 1 }')
    one = shipment(given)
    assert not one.packed and (one.method(), one.body()) == ("crm.Deal.LIST", b'{ "a": 1 }')
    made = shipment(command(b=[1]))
    assert made.body() == b'{"b":[1]}'


def test_several_leave_as_a_batch() -> None:
    one = shipment(command("crm.Deal.get", id=5), command("profile"))
    assert one.packed and one.method() == "batch" and one.expected == 1.0
    assert orjson.loads(one.body()) == {"halt": 0, "cmd": {"c0": "crm.deal.get?id=5", "c1": "profile"}}


def test_writes_are_the_flights_with_a_command_that_changes_something() -> None:
    made = Shipment("i", "all", row())
    reads, both = flight(), flight()
    made.add(reads, command(), 0.1)
    made.add(both, command(), 0.1)
    made.add(both, command("crm.deal.add", write=True, fields={"TITLE": "x"}), 0.1)
    assert list(made.writes()) == [both] and list(made.flights.values()) == [reads, both]


def test_what_joins_a_look_up_is_a_member_of_its_shot() -> None:
    made = Shipment("i", "all", row())
    flights = [flight(), flight(), flight()]
    looks = [Command("crm.deal.list", {}, False, lookup=LookUp("deal", "o", name)) for name in ("a", "b", "a")]
    assert not made.join(flights[0], looks[0])
    made.add(flights[0], looks[0], 0.1)
    assert all(made.join(one, look) for one, look in zip(flights[1:], looks[1:], strict=True))
    (shot,) = made.shots
    assert [one for one, _ in shot.members] == flights and made.expected == 0.1
    assert shot.params["filter"] == {"@ORIGIN_ID": ["a", "b"], "ORIGINATOR_ID": "o"}
    assert orjson.loads(made.body()) == shot.params and not made.packed
    assert not made.join(flight(), command()), "a list that is no look-up"


def test_look_ups_in_two_places_are_two_shots() -> None:
    made = Shipment("i", "all", row())

    def look(order: int, external: str) -> Command:
        lookup = LookUp("payment", "", external, (("orderId", order),))
        return Command("sale.payment.list", {}, False, lookup=lookup)

    made.add(flight(), look(5, "a"), 0.1)
    assert not made.join(flight(), look(6, "a"))
    made.add(flight(), look(6, "a"), 0.1)
    assert made.join(flight(), look(5, "b"))
    first, second = made.shots
    assert first.params["filter"] == {"orderId": 5, "@xmlId": ["a", "b"]} and len(second.members) == 1


# -- answers


def test_a_lone_answer_is_verbatim() -> None:
    body = orjson.dumps({"result": 1, "time": TIME})
    assert outcomes(shipment(command()), Answer(200, body))[0][0].result == Executed(200, body)
    assert outcomes(shipment(command()), Answer(200, body))[0][0].times == TOLD


def test_a_fault_is_that_of_every_command() -> None:
    fault = PortalUnknown("reset")
    for one in (shipment(command()), shipment(command(), command())):
        found, times = outcomes(one, fault)
        assert [(outcome.result, outcome.whole) for outcome in found] == [(fault, True)] * len(one.shots)
        assert times is None


def test_each_command_has_its_own_outcome() -> None:
    errors = {
        "c1": {"error": "ERROR_CORE", "error_description": "wrong"},
        "c2": {"error": "OPERATION_TIME_LIMIT", "error_description": "slow down"},
        "c3": {"error": "expired_token", "error_description": "old"},
        "c4": {"error": "INTERNAL_SERVER_ERROR", "error_description": "oops"},
    }
    inner = {"result": {"c0": 5}, "result_error": errors, "result_time": {"c0": TIME, "c1": TIME}}
    body = orjson.dumps({"result": inner, "time": {"duration": 3.0}})
    found, times = outcomes(shipment(*(command() for _ in range(6))), Answer(200, body))
    ok, wrong, slow, dead, broken, untold = found
    assert ok.result == Executed(200, orjson.dumps({"result": 5, "time": TIME})) and ok.times == wrong.times == TOLD
    assert isinstance(wrong.result, PortalPermanent) and wrong.result.code == "ERROR_CORE"
    assert isinstance(slow.result, PortalThrottled) and slow.result.method_only
    assert isinstance(dead.result, PortalAuth) and dead.result.credential_dead
    assert isinstance(broken.result, PortalUnknown) and isinstance(untold.result, PortalUnknown)
    assert not any(outcome.whole for outcome in found) and times == Times(duration=3.0)


@pytest.mark.parametrize("body", [b'{"result":true}', b'{"result":{"result":null}}', b'{"error":""}'])
def test_an_answer_that_is_no_batchs_is_unknown_as_a_whole(body: bytes) -> None:
    found, _ = outcomes(shipment(command(), command()), Answer(200, body))
    assert all(isinstance(outcome.result, PortalUnknown) and outcome.whole for outcome in found)


@pytest.mark.parametrize(
    ("told", "times"),
    [
        ({"a": TIME, "b": {"duration": 2.0}}, [TOLD, Times(duration=2.0)]),
        ([TIME, {"duration": 2.0}], [TOLD, Times(duration=2.0)]),
        ({"a": TIME}, [None, None]),  # nobody can say whose it is
        (None, [None, None]),
    ],
)
def test_a_clients_own_batch_is_billed_to_the_methods_within(told: Any, times: list[Times | None]) -> None:
    one = shipment(command("batch", cmd={"a": "crm.Deal.list", "b": "crm.deal.add?x=1"}))
    body = orjson.dumps({"result": {"result": {}, "result_time": told}, "time": TIME})
    (outcome,), _ = outcomes(one, Answer(200, body))
    assert charges(one.shots[0], outcome) == list(zip(["crm.deal.list", "crm.deal.add"], times, strict=True))


def test_any_other_call_is_billed_to_its_method() -> None:
    one = shipment(command("crm.deal.get", id=5))
    (outcome,), _ = outcomes(one, Answer(200, orjson.dumps({"result": 1, "time": TIME})))
    assert charges(one.shots[0], outcome) == [("crm.deal.get", TOLD)]
    (outcome,), _ = outcomes(one, PortalUnknown("reset"))
    assert charges(one.shots[0], outcome) == [("crm.deal.get", None)]
