"""pipeline/delivery/runs.py: what became of an item of a run."""

import time

import orjson

from pipeline.delivery.runs import DONE, FAILED, FORCE, ITEM, RUN, outcome, passed_on
from pipeline.topology import OUTCOMES

HEADERS = {RUN: "r-1", ITEM: "7", FORCE: "1", "amqp-message-id": "m", "queue": "users"}


def test_a_flow_passes_on_the_run_and_the_item_alone() -> None:
    assert passed_on(HEADERS) == {"run": "r-1", "item": "7"}
    assert passed_on({RUN: "r-1"}) == {"run": "r-1"}
    assert passed_on({ITEM: "7", FORCE: "1"}) == {} == passed_on({RUN: "", ITEM: "7"})


def test_an_outcome_is_keyed_by_its_run() -> None:
    before = time.time()
    record = outcome(HEADERS, "companies", DONE, action="added 1")
    assert record is not None
    assert (record.topic, record.key, record.headers) == (OUTCOMES, b"r-1", {})
    content = orjson.loads(record.value or b"")
    assert before - 1 <= content.pop("at") <= time.time() + 1
    assert content == {"run": "r-1", "item": "7", "flow": "companies", "status": "done", "action": "added 1"}


def test_a_failure_says_why_and_long_texts_are_cut() -> None:
    record = outcome({RUN: "r"}, "search", FAILED, error_class="permanent", error="x" * 100_000)
    assert record is not None
    content = orjson.loads(record.value or b"")
    assert (content["status"], content["error_class"], content["item"]) == ("failed", "permanent", "")
    assert content["error"] == "x" * 4096 and "action" not in content


def test_what_is_of_no_run_has_no_outcome() -> None:
    assert outcome({}, "companies", DONE) is None
    assert outcome({ITEM: "7", RUN: ""}, "companies", FAILED, error="x") is None
