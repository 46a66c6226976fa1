"""What became of a run's items: outcomes that come twice, late, from strangers; and the words for them."""

from __future__ import annotations

import orjson
import pytest

from pipeline.bridge.run_items import Item, RunItems
from pipeline.delivery.records import Record
from pipeline.delivery.runs import Status, outcome
from pipeline.flows import search
from pipeline.flows.mapping.model import CatalogMapping, Mapping
from pipeline.flows.site import site_flows
from pipeline.ops.exchange.flows import expected_flows
from pipeline.ops.exchange.report import ItemReport, Outcome, Report, read_outcome
from pipeline.ops.exchange.screen import item_fields, item_line, summary_fields, summary_line, taken_line
from pipeline.topology import InboundQueue

PRODUCT = Item("p1", "product", "crm_product_queue", "")
USER = Item("u1", "user", "crm_user_queue", "")
MAPPING = Mapping(
    catalogs={
        "default": CatalogMapping(iblock=1),
        "portal": CatalogMapping(iblock=2, index=""),
        "index": CatalogMapping(iblock=3, portal=False),
        "nowhere": CatalogMapping(iblock=4, portal=False, index=""),
    }
)


def flows(item: Item) -> frozenset[str]:
    return expected_flows(item.event, item.catalog, MAPPING)


class Ground:
    def __init__(self) -> None:
        self.over: list[ItemReport] = []
        self.report = Report(flows, self.over.append)

    def lines(self) -> list[str]:
        return [item_line(one) for one in self.over]

    def counts(self) -> tuple[int, int, int]:
        return self.report.done, self.report.failed, self.report.waiting


@pytest.mark.parametrize(
    ("event", "catalog", "expected"),
    [
        ("user", "", {"companies"}),
        ("section", "default", {"catalog-sections"}),
        ("settlement", "", {"settlements"}),
        ("product", "", {"catalog-products", "search"}),
        ("product", "default", {"catalog-products", "search"}),
        ("product", "portal", {"catalog-products"}),
        ("product", "index", {"search"}),
        ("product", "nowhere", set()),
        ("product", "forgotten", {"catalog-products"}),
    ],
)
def test_the_flows_that_have_a_say(event: str, catalog: str, expected: set[str]) -> None:
    assert expected_flows(event, catalog, MAPPING) == expected


def test_an_item_is_over_when_all_its_flows_have_spoken() -> None:
    ground = Ground()
    ground.report.took(PRODUCT)
    ground.report.take(Outcome("p1", "search", "done", "indexed"))
    assert (ground.lines(), ground.counts()) == ([], (0, 0, 1))
    ground.report.take(Outcome("p1", "catalog-products", "done", "added"))
    assert ground.lines() == ["Save product element p1: search indexed, catalog-products added"]
    assert ground.counts() == (1, 0, 0)


MANY = Item("s1", "settlement", "crm_mutualsettlements_queue", "")


def part(place: int, count: int, status: Status = "done", action: str = "") -> Outcome:
    record = outcome({"run": "r", "item": "s1", "part": f"{place}/{count}"}, "settlements", status, action=action)
    assert record is not None
    read = read_outcome(record.value, "r")
    assert read is not None
    return read


def test_an_item_of_several_plans_is_done_when_all_are() -> None:
    ground = Ground()
    ground.report.took(MANY)
    for said in (part(3, 3, action="added 1, updated 2"), part(1, 3, action="added 4"), part(1, 3, action="added 9")):
        ground.report.take(said)
    assert (ground.lines(), ground.counts()) == ([], (0, 0, 1))
    ground.report.take(part(2, 3, action="unchanged"))
    assert ground.counts() == (1, 0, 0)
    assert ground.lines()[0].endswith("settlements added 5, updated 2")


def test_an_item_of_several_plans_fails_with_one() -> None:
    ground = Ground()
    ground.report.took(MANY)
    ground.report.take(part(3, 3))
    ground.report.take(part(1, 3, "failed"))
    ground.report.take(part(2, 3))
    assert ground.counts() == (0, 1, 0) and len(ground.over) == 1


def test_what_was_refused_before_it_made_plans_is_over_at_once() -> None:
    ground = Ground()
    ground.report.took(MANY)
    ground.report.take(Outcome("s1", "settlements", "failed", error="no STATUS"))
    assert ground.counts() == (0, 1, 0)


def test_a_second_word_changes_nothing() -> None:
    ground = Ground()
    ground.report.took(USER)
    for said in (Outcome("u1", "companies", "failed", "", "permanent", "no NAME"), Outcome("u1", "companies", "done")):
        ground.report.take(said)
    ground.report.take(Outcome("somebody else's", "companies", "done"))
    assert ground.lines() == ["Not saved: user element u1: companies: permanent: no NAME"]
    assert ground.counts() == (0, 1, 0)


def test_a_failure_of_a_flow_that_nobody_expected_counts() -> None:
    ground = Ground()
    ground.report.took(USER)
    ground.report.take(Outcome("u1", "other", "done"))
    ground.report.take(Outcome("u1", "other", "failed", error="broken"))
    ground.report.take(Outcome("u1", "companies", "done", "added"))
    assert ground.lines() == ["Not saved: user element u1: other: broken"]


def test_what_never_became_an_event_has_failed() -> None:
    ground = Ground()
    ground.report.took(USER)
    ground.report.refused(USER, "longer than the topic takes")
    ground.report.take(Outcome("u1", "companies", "done"))
    nobodys = Item("p2", "product", "q", "nowhere")
    ground.report.took(nobodys)
    assert ground.counts() == (1, 1, 0)
    ground.report.refused(nobodys, "defect")
    assert ground.counts() == (0, 2, 0)
    assert ground.lines()[0] == "Not saved: user element u1: edge: dead letter: longer than the topic takes"


def test_an_item_that_no_flow_cares_for_is_done() -> None:
    ground = Ground()
    ground.report.took(Item("p", "product", "q", "nowhere"))
    assert (ground.lines(), ground.counts()) == (["Save product element p: nothing to do"], (1, 0, 0))


def test_outcomes_are_read_as_they_are_written() -> None:
    made = outcome({"run": "r", "item": "u1"}, "companies", "failed", error_class="permanent", error="x")
    assert made is not None
    assert read_outcome(made.value, "r") == Outcome("u1", "companies", "failed", "", "permanent", "x")
    assert read_outcome(made.value, "another run") is None
    for value in (None, b"", b"{", b"[]", b'"r"'):
        assert read_outcome(value, "r") is None


def test_lines_cannot_move_the_cursor() -> None:
    item = Item("a\x1b[2Jb\n", "user", "q", "")
    assert taken_line(item) == "Taken user element a\\x1b[2Jb\\n"
    report = ItemReport(item, {"companies"})
    assert item_line(report) == "Not known: user element a\\x1b[2Jb\\n: no word of companies"
    assert item_fields(report)["status"] == "waiting"


def test_the_summary() -> None:
    ground = Ground()
    for number in range(3):
        ground.report.took(Item(f"u{number}", "user", "q", ""))
    ground.report.take(Outcome("u0", "companies", "done"))
    ground.report.take(Outcome("u1", "companies", "failed"))
    summary = summary_fields("r1", {"one": 2, "two": 1}, ground.report, 1.234)
    assert orjson.loads(orjson.dumps(summary)) == summary
    assert summary_line(summary, waited=True) == (
        "3 messages (2 of one, 1 of two), 3 items: 1 done, 1 failed, 1 without a word; 1.2 s, run r1"
    )
    assert summary_line(summary, waited=False).startswith(
        "3 messages (2 of one, 1 of two), 3 items, 1 of them dead letters; "
    )


def test_labels_are_one_of_a_kind_and_keys_are_shown_as_ids() -> None:
    taken: list[Item] = []
    items = RunItems("r1", force=True, took=taken.append, failed=lambda item, reason: None)
    queue = InboundQueue("q", "events.product", "event", event="product", catalog="vigro")
    keys = [b"p", b"p (2)", b"p", b"p\x1fvigro", b"?" + b"0" * 64]
    records = [items.mark(queue, Record("events.product", b"{}", key, {"queue": "q"})) for key in keys]
    assert [item.label for item in taken] == ["p", "p (2)", "p (3)", "p (4)", "message 5"]
    assert records[3].headers == {"queue": "q", "run": "r1", "item": "p (4)", "force": "1"}
    assert taken[0] == Item("p", "product", "q", "vigro")


def test_the_flows_are_those_that_there_are() -> None:
    known = {flow.name for flow in site_flows(MAPPING)} | {search.NAME}
    events = ("user", "section", "settlement", "product")
    assert frozenset().union(*(expected_flows(event, "", MAPPING) for event in events)) == known
