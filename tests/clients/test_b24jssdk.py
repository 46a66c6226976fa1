"""@bitrix24/b24jssdk, Bitrix24's own client for JavaScript: its typical calls, in Node.js. It insists on https."""

from typing import Any

import pytest

from tests.clients.javascript import JavaScript
from tests.clients.simulator import CLIENT_ID, CLIENT_SECRET, SEEDED, Simulator

PAGES = -(-SEEDED // 50)


def test_objects(javascript: JavaScript, secure: Simulator) -> None:
    """A deal, an item and a user field, from their beginning to their end."""
    told = javascript("calls.mjs", "objects")
    deal, item, field = told["deal"], told["item"], told["userField"]
    before = deal["before"]
    assert (before["ID"], before["TITLE"], before["ORIGIN_ID"]) == (str(deal["id"]), "Сделка №1 & Co", "js-1")
    assert (before["OPPORTUNITY"], before["OPENED"]) == ("10.50", "N")
    assert (deal["updated"], deal["after"]["TITLE"], deal["deleted"]) == (True, "second", True)
    number = item["added"]["id"]
    assert (item["added"]["title"], item["updated"]["opportunity"], item["deal"]["TITLE"]) == ("item", 5, "item")
    assert ([row["id"] for row in item["found"]], item["total"], item["deleted"]) == ([number], 1, [])
    assert field["told"]["FIELD_NAME"] == "UF_CRM_JS_NOTE"
    assert (field["kept"]["ufCrmJsNote"], field["deleted"]) == ("kept", True)
    counters = secure.counters()
    writes = {verb: counted["deal"] for verb, counted in counters["writes"].items()}
    assert writes == {"add": 3, "update": 2, "delete": 3}
    assert (counters["requests"], counters["failed"]) == (16, {})


@pytest.mark.parametrize(
    ("strategy", "method", "pages"),
    [
        ("callList", "crm.lead.list", None),
        ("callListOfItems", "crm.item.list", None),
        ("fetchList", "crm.lead.list", PAGES),
        ("fetchListOfItems", "crm.item.list", PAGES),
        ("callListMethod", "crm.lead.list", None),
    ],
)
def test_all_rows(javascript: JavaScript, secure: Simulator, strategy: str, method: str, pages: int | None) -> None:
    """One page after another: more requests than the bucket holds, of which none is refused."""
    told = javascript("lists.mjs", strategy)
    assert (told["rows"], told["ids"], told["pages"]) == (SEEDED, SEEDED, pages)
    counters = secure.counters()
    assert (counters["executions"], counters["refused"]) == ({method: PAGES}, 0)


def test_all_rows_in_batches(javascript: JavaScript, secure: Simulator) -> None:
    told = javascript("lists.mjs", "batchByChunk", rows=SEEDED)
    assert told == {"pages": PAGES, "rows": SEEDED, "ids": SEEDED}
    assert secure.executed() == {"crm.lead.list": PAGES, "batch": 2}


def test_batch_of_120(javascript: JavaScript, secure: Simulator) -> None:
    told = javascript("batches.mjs", "of120")
    assert len(set(told["ids"])) == 120
    assert told["titles"] == [f"t{n}" for n in range(120)] and told["deleted"] == [True] * 120
    counters = secure.counters()
    assert counters["executions"] == {"crm.deal.add": 120, "crm.deal.get": 120, "crm.deal.delete": 120, "batch": 9}
    assert counters["executed_more_than_once"]["by_external"] == {}


def test_batches(javascript: JavaScript, secure: Simulator) -> None:
    told = javascript("batches.mjs", "few")
    named = told["named"]
    assert (named["find"], named["total"], named["get"]["ID"]) == ([{"ID": "7"}], 1, "7")
    assert told["positions"]["profile"]["ID"] == "1" and told["positions"]["categories"]["categories"]
    refused = told["refused"]["told"]
    assert (refused["good"], refused["also"], refused["bad"]["code"]) == ({"id": 3}, {"id": 4}, "NOT_FOUND")
    assert told["refused"]["success"] is False
    assert told["halted"]["success"] is False and "also" not in told["halted"]["told"]
    # old methods answer `"error": ""`, which this SDK takes for no error
    assert told["withoutCode"] == {"success": True, "result": None}
    counters = secure.counters()
    wanted = {"crm.deal.list": 1, "profile": 1, "crm.category.list": 1, "crm.item.get": 3 + 2, "sandbox.echo": 2}
    assert counters["executions"] == wanted | {"crm.deal.get": 2, "batch": 6}
    assert counters["failed"] == {"crm.item.get": 2, "crm.deal.get": 1}
    _same_values(told["values"])


def _same_values(told: dict[str, Any]) -> None:
    """As PHP sees them: JSON has types; a query string has texts, and what is empty is lost."""
    alone = {name: value for name, value in told["alone"].items() if not name.startswith("bx24_")}
    assert alone == {
        "none": None,
        "yes": True,
        "no": False,
        "empty": [],
        "object": [],
        "list": [1, "two"],
        "text": "a&b=c+d %",
        "nested": {"deep": {"x": 1.5}},
    }
    packed = {"none": "", "yes": "true", "no": "false", "list": ["1", "two"], "text": "a&b=c+d %"}
    assert told["packed"] == packed | {"nested": {"deep": {"x": "1.5"}}}


def test_refusals(javascript: JavaScript, secure: Simulator) -> None:
    secure.fault("403_scope", methods=["crm.company.*"])
    no_item = ["crm.item.get", {"entityTypeId": 2, "id": 999_999}]
    refusals = [
        (["crm.nothing.add", {}], "ERROR_METHOD_NOT_FOUND", "Method not found!", 404),
        (no_item, "NOT_FOUND", "not found", 400),
        (["crm.item.list", {"entityTypeId": 2, "filter": {"x": 1}}], "INVALID_ARG_VALUE", "Invalid filter", 400),
        (["crm.company.list", {}], "insufficient_scope", "higher privileges", 403),
        (["event.bind", {"event": "ONCRMDEALADD", "handler": "https://e.x"}], "WRONG_AUTH_TYPE", "", 403),
        (["profile", {}, f"{secure.url}/rest/1/wrong/"], "INVALID_CREDENTIALS", "Invalid request credentials", 401),
        # of an error without a code, as old methods have it, this SDK loses the text as well
        (["crm.deal.get", {"id": 999_999}], "ERR_BAD_REQUEST", "Request failed with status code 400", 400),
    ]
    told = javascript("calls.mjs", "each", calls=[call for call, *_ in refusals])
    for one, (_, code, text, status) in zip(told, refusals, strict=True):
        assert (one["code"], one["status"]) == (code, status) and text in one["message"]
    counters = secure.counters()
    assert counters["requests"] == len(refusals), "refused is not repeated"
    assert counters["executions"] == {"crm.item.get": 1, "crm.item.list": 1, "crm.deal.get": 1}


def test_what_passes_is_waited_for(javascript: JavaScript, secure: Simulator) -> None:
    secure.fault("503", methods=["crm.deal.get"], count=1)
    secure.fault("502", methods=["crm.lead.get"], count=1)
    told = javascript("calls.mjs", "each", calls=[["crm.deal.get", {"id": 3}], ["crm.lead.get", {"id": 3}]])
    assert [one["result"]["ID"] for one in told] == ["3", "3"]
    counters = secure.counters()
    assert counters["statuses"] == {"503": 1, "502": 1, "200": 2}
    assert counters["executions"] == {"crm.deal.get": 1, "crm.lead.get": 1}


def test_operating_limit(javascript: JavaScript, secure: Simulator) -> None:
    """Left alone it waits ten seconds or more, and asks again."""
    secure.control("load", {"method": "crm.deal.list", "seconds": 490, "user": "1"})
    calls = [["crm.deal.list", {}], ["crm.deal.get", {"id": 3}]]
    told = javascript("calls.mjs", "each", attempts=1, calls=calls)
    assert (told[0]["code"], told[0]["status"], told[1]["result"]["ID"]) == ("OPERATION_TIME_LIMIT", 429, "3")
    assert secure.counters()["refused_by"]["operating"] == 1 and secure.executed() == {"crm.deal.get": 1}


@pytest.mark.parametrize("known", [False, True])
def test_an_expired_token_is_renewed(javascript: JavaScript, secure: Simulator, known: bool) -> None:
    """Whether it knows that the token has expired, or is told so by the portal: again for a refusal that comes late."""
    pair = secure.tokens()
    secure.control("oauth/expire", {})
    given = {"access": pair["access_token"], "refresh": pair["refresh_token"], "id": CLIENT_ID, "secret": CLIENT_SECRET}
    told = javascript("calls.mjs", "oauth", known=known, **given)
    assert [answer["result"]["ID"] for answer in told["answers"]] == ["1"] * 3
    assert 1 <= len(told["renewed"]) <= (1 if known else 3) and pair["access_token"] not in told["renewed"]
    counters = secure.counters()
    assert (counters["executions"], counters["errors"].get("expired_token", 0)) == ({"profile": 3}, 0 if known else 3)


def test_a_scenario_that_throws_is_no_answer(javascript: JavaScript) -> None:
    with pytest.raises(AssertionError, match="no scenario nothing"):
        javascript("calls.mjs", "nothing")
