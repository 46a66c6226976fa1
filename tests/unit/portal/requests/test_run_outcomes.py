"""pipeline/portal/requests/run_outcomes.py: a plan's answer in a few words, for the run that it belongs to."""

from typing import Any

import orjson
import pytest

from pipeline.portal.requests.answers import Reply, error_body
from pipeline.portal.requests.run_outcomes import action_of, run_outcome

RUN = {"run": "r", "item": "7"}


def told(reply: Reply) -> Any:
    record = run_outcome(RUN, "companies", reply)
    assert record is not None and record.key == b"r"
    content = orjson.loads(record.value or b"")
    assert (content["run"], content["item"], content["flow"]) == ("r", "7", "companies")
    return content


@pytest.mark.parametrize(
    ("steps", "action"),
    [
        ({}, "unchanged"),
        ({"a": {"id": "1", "action": "unchanged"}, "b": {"action": "unchanged"}}, "unchanged 2"),
        (
            {
                "company": {"id": "1", "action": "updated"},
                "deal": {"id": "2", "action": "added"},
                "order": {"id": "3", "action": "updated"},
                "rows": {"result": True},
                "big": {"omitted": 300_000},
                "phones": {"made": 3},
                "nothing": {"made": 0},
                "part": {"action": "stale"},
                "products": {"found": [{"id": "5"}, None], "missing": 1},
                "all there": {"found": [{"id": "5"}], "missing": 0},
                "comment": {"error": "X", "error_description": "no"},
            },
            "added 1, updated 2, called 2, made 3, stale 1, missing 1, failed 1",
        ),
        ({"a": {"found": [{"id": "5"}], "missing": 0}, "b": {"made": 0}}, "unchanged"),
        ({"a": {"id": "1", "action": "found"}, "b": {"action": "of another release"}}, "found 1, of another release 1"),
    ],
)
def test_the_action_counts_the_steps(steps: dict[str, Any], action: str) -> None:
    answer = {"plan": 1, "steps": steps}
    assert action_of(answer) == action
    content = told(Reply(200, orjson.dumps(answer)))
    assert (content["status"], content["action"]) == ("done", action) and "error" not in content


def test_a_plan_that_a_newer_one_has_replaced() -> None:
    assert told(Reply(200, b'{"plan":1,"superseded":true}'))["action"] == "superseded"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (error_body("BUS_REFUSED", "step 'company': no such field"), "BUS_REFUSED: step 'company': no such field"),
        (b'{"error":"ACCESS_DENIED"}', "ACCESS_DENIED"),
        (b'{"plan":1}', "failed without a description"),
        (b"<html>", "failed without a description"),
        (b"[1]", "failed without a description"),
    ],
)
def test_a_failure_has_the_text_of_the_answer(body: bytes, error: str) -> None:
    content = told(Reply(400, body, "permanent"))
    assert (content["status"], content["error_class"], content["error"]) == ("failed", "permanent", error)
    assert "action" not in content


@pytest.mark.parametrize("run", [None, {}])
def test_what_is_of_no_run_has_none(run: dict[str, str] | None) -> None:
    assert run_outcome(run, "companies", Reply(200, b"{}")) is None


def test_one_of_several_plans_says_which_it_is() -> None:
    for reply in (Reply(200, b'{"plan":1}'), Reply(400, b"{}", "permanent")):
        record = run_outcome({**RUN, "part": "2/3"}, "settlements", reply)
        assert record is not None and orjson.loads(record.value or b"")["part"] == "2/3"
