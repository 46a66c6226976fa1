"""The batch method on a portal without HTTP around it."""

from typing import Any

import pytest

from sandbox.portal.auth import Credential
from sandbox.portal.clock import Clock
from sandbox.portal.errors import RestError
from sandbox.portal.faults import FaultBook
from sandbox.portal.methods import registry
from sandbox.portal.methods.spec import Call
from sandbox.portal.options import DEFAULT_CREDENTIAL, Costs, Options
from sandbox.portal.portal import Portal
from tests.unit.sandbox.virtual_clock import VirtualClock


@pytest.fixture
def portal() -> Portal:
    return Portal("default", Options(), registry(), Clock(), FaultBook())


async def _run(portal: Portal, cmd: Any, **more: Any) -> dict[str, Any]:
    call = Call("batch", {"cmd": cmd, **more}, DEFAULT_CREDENTIAL, "127.0.0.1", 1)
    result = (await portal.execute(call)).reply.result
    assert isinstance(result, dict)
    return result


async def test_array_style_gives_lists_until_something_fails(portal: Portal) -> None:
    good = await _run(portal, ["sandbox.echo?n=1", "sandbox.echo?n=2"])
    assert good["result"] == [{"n": "1"}, {"n": "2"}]
    assert (good["result_error"], good["result_total"], good["result_next"]) == ([], [], [])
    assert "date_start" in good["result_time"][0]
    bad = await _run(portal, ["crm.deal.get?id=9", "sandbox.echo?n=2"])
    assert bad["result"] == {"1": {"n": "2"}}
    assert bad["result_error"] == [{"error": "", "error_description": "Not found"}]
    assert list(bad["result_time"]) == ["1"]


async def test_named_commands(portal: Portal) -> None:
    answer = await _run(portal, {"a": "CRM.Deal.Add?fields[TITLE]=x%26y", "b": "crm.deal.list?select[]=TITLE"})
    assert answer["result"] == {"a": 1, "b": [{"ID": "1", "TITLE": "x&y"}]}
    assert answer["result_total"] == {"b": 1}


async def test_next_is_there_only_where_a_page_follows(portal: Portal) -> None:
    for _ in range(51):
        portal.store.tables["deal"].insert({})
    answer = await _run(portal, {"a": "crm.deal.list", "b": "crm.deal.list?start=50", "c": "crm.deal.list?start=-1"})
    assert answer["result_next"] == {"a": 50}
    assert answer["result_total"] == {"a": 51, "b": 51, "c": 0}


async def test_references(portal: Portal) -> None:
    answer = await _run(
        portal,
        {
            "new": "crm.company.add?fields[TITLE]=Acme",
            "get": "crm.company.get?id=$result[new]",
            "find": "crm.company.list?filter[TITLE]=$result[get][TITLE]",
            "text": "sandbox.echo?a=id-$result[find][0][ID]-$result[get][TITLE]&b[]=$result[find]",
        },
    )
    assert answer["result_error"] == []
    assert answer["result"]["text"]["a"] == "id-1-Acme"
    assert answer["result"]["text"]["b"][0][0]["ID"] == "1"


async def test_a_reference_to_a_failure_is_empty(portal: Portal) -> None:
    answer = await _run(portal, {"bad": "crm.deal.get?id=5", "use": "crm.deal.add?fields[TITLE]=t-$result[bad][TITLE]"})
    assert answer["result"] == {"use": 1}
    assert portal.store.tables["deal"].rows[1]["TITLE"] == "t-"


@pytest.mark.parametrize("halt", [1, True, "1"])
async def test_halt_stops_at_the_first_error(portal: Portal, halt: Any) -> None:
    cmd = {"a": "crm.deal.add?fields[TITLE]=1", "b": "nonsense", "c": "crm.deal.add?fields[TITLE]=2"}
    answer = await _run(portal, cmd, halt=halt)
    assert answer["result"] == {"a": 1}
    assert answer["result_error"] == {
        "b": {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
    }
    assert len(portal.store.tables["deal"].rows) == 1, "what has run stays run"


async def test_without_halt_all_run(portal: Portal) -> None:
    answer = await _run(portal, {"b": "nonsense", "c": "crm.deal.add?fields[TITLE]=2"}, halt="0")
    assert answer["result"] == {"c": 1}


async def test_a_batch_in_a_batch_is_refused(portal: Portal) -> None:
    answer = await _run(portal, {"a": "batch?cmd[0]=profile"})
    assert answer["result_error"]["a"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


async def test_over_fifty_the_rest_fails(portal: Portal) -> None:
    answer = await _run(portal, {f"c{number}": "crm.deal.add?fields[A]=1" for number in range(53)})
    assert len(answer["result"]) == 50
    assert sorted(answer["result_error"]) == ["c50", "c51", "c52"]
    assert {item["error"] for item in answer["result_error"].values()} == {"ERROR_BATCH_LENGTH_EXCEEDED"}
    assert portal.journal.executions["crm.deal.add"] == 50


@pytest.mark.parametrize("cmd", [None, [], {}, "profile"])
async def test_no_commands(portal: Portal, cmd: Any) -> None:
    answer = await _run(portal, cmd)
    assert all(part == [] for part in answer.values())


async def test_a_command_that_is_no_text_fails_alone(portal: Portal) -> None:
    answer = await _run(portal, [{"method": "profile"}, "sandbox.echo?n=1"])
    assert list(answer["result"]) == ["1"]


async def test_nested_commands_are_billed_and_the_batch_is_not() -> None:
    options = Options(costs=Costs({"crm.deal.add": 0.1}), operating_limit=0.15)
    portal = Portal("default", options, registry(), Clock(), FaultBook())
    answer = await _run(portal, {key: "crm.deal.add?fields[TITLE]=x" for key in "abc"})
    assert list(answer["result"]) == ["a", "b"]
    assert answer["result_time"]["b"]["operating"] == pytest.approx(0.2)
    assert answer["result_error"]["c"]["error"] == "OPERATION_TIME_LIMIT"
    assert "1/batch" not in portal.meter.states(0)


async def test_a_batch_may_be_billed_as_a_method_of_its_own() -> None:
    options = Options(costs=Costs({"crm.deal.add": 0.2, "profile": 0.05}), operating_limit=0.5, batch_billing="batch")
    portal = Portal("default", options, registry(), VirtualClock(), FaultBook())
    cmd = {"a": "crm.deal.add?fields[A]=1", "b": "profile", "c": "crm.deal.add?fields[A]=2"}
    call = Call("batch", {"cmd": cmd}, DEFAULT_CREDENTIAL, "127.0.0.1", 1)
    outcome = await portal.execute(call)
    times = outcome.reply.result["result_time"]
    assert [times[key]["operating"] for key in "abc"] == pytest.approx([0.4] * 3)
    assert outcome.time["operating"] == pytest.approx(0.4)
    assert portal.meter.states(portal.clock.now()) == {"1/batch": pytest.approx(0.4)}
    await _run(portal, cmd)
    with pytest.raises(RestError, match="OPERATION_TIME_LIMIT"):
        await _run(portal, cmd)
    single = await portal.execute(Call("crm.deal.add", {"fields": {}}, DEFAULT_CREDENTIAL, "127.0.0.1", 1))
    assert single.time["operating"] == pytest.approx(0.2), "a single call has its own method's budget"


async def test_everybodys_time_may_be_summed() -> None:
    options = Options(costs=Costs({"crm.deal.add": 0.2}), operating_limit=0.1, operating_scope="portal")
    portal = Portal("default", options, registry(), VirtualClock(), FaultBook())
    await _run(portal, ["crm.deal.add?fields[A]=1"])
    other = Call("crm.deal.add", {"fields": {}}, Credential("7", "other"), "127.0.0.1", 1)
    with pytest.raises(RestError, match="OPERATION_TIME_LIMIT"):
        await portal.execute(other)
    assert portal.meter.states(portal.clock.now()) == {"*/crm.deal.add": pytest.approx(0.2)}


async def test_a_block_by_overload_reaches_the_commands_of_a_running_batch(portal: Portal) -> None:
    portal.overload.block(frozenset({"1"}), 401)
    answer = await _run(portal, ["sandbox.echo?n=1"])
    assert answer["result_error"][0]["error"] == "OVERLOAD_LIMIT"
    assert portal.journal.command_errors == {"OVERLOAD_LIMIT": 1}


async def test_an_error_may_be_injected_into_one_command(portal: Portal) -> None:
    portal.faults.add({"kind": "503_overload", "in_batch": True, "count": 1})
    answer = await _run(portal, {"a": "sandbox.echo?n=1", "b": "sandbox.echo?n=2"})
    assert list(answer["result_error"]) == ["a"]
    assert portal.journal.executions["sandbox.echo"] == 1


async def test_the_log_tells_commands_from_calls(portal: Portal) -> None:
    await _run(portal, {"a": "crm.deal.add?fields[ORIGIN_ID]=o1", "b": "crm.deal.add?fields[ORIGIN_ID]=o1"})
    first, second, outer = portal.journal.log(None, 0, 10)
    assert (first.command, second.command, outer.command) == ("a", "b", None)
    assert first.keys == {"ORIGIN_ID": "o1", "ID": 1}
    assert first.digest == second.digest
    assert outer.started <= first.started <= first.finished <= second.started <= outer.finished
    assert portal.journal.repeated() == {
        "by_origin": 1,
        "by_title": 0,
        "by_external": {"deal": 1},
        "by_params": {"crm.deal.add": 1},
    }
