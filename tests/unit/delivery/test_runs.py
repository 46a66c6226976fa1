"""pipeline/delivery/runs.py: what became of an item of a run."""

import time

import orjson
import pytest

from pipeline.delivery.runs import DONE, FAILED, FORCE, ITEM, PART, RUN, outcome, part_of, passed_on
from pipeline.topology import OUTCOMES

HEADERS = {RUN: "r-1", ITEM: "7", FORCE: "1", "amqp-message-id": "m", "queue": "users"}


def test_a_flow_passes_on_the_run_and_the_item_alone() -> None:
    assert passed_on(HEADERS) == {"run": "r-1", "item": "7"}
    assert passed_on({RUN: "r-1"}) == {"run": "r-1"}
    assert passed_on({RUN: "r-1", PART: "1/2"}) == {"run": "r-1", "part": "1/2"}
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


def test_an_outcome_names_its_part() -> None:
    record = outcome({RUN: "r", ITEM: "7", PART: "2/5"}, "settlements", DONE)
    assert record is not None and orjson.loads(record.value or b"")["part"] == "2/5"


@pytest.mark.parametrize(
    ("text", "part"),
    [("2/5", (2, 5)), ("5/5", (5, 5)), (None, (1, 1)), ("", (1, 1)), ("0/5", (1, 1)), ("6/5", (1, 1)), ("a/b", (1, 1))],
)
def test_parts(text: str | None, part: tuple[int, int]) -> None:
    assert part_of(text) == part
