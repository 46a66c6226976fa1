"""The reference model of a day: what hand-made messages must leave behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from sandbox.site.day import make_day, shuffled
from sandbox.site.forms import ZONE
from sandbox.site.message import Message
from sandbox.site.sizes import Sizes
from tests.day.compare import differences
from tests.day.mapping import MAPPING
from tests.day.model import expected
from tests.day.state import Line, Section
from tests.day.wire import moment, number

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def sent(exchange: str, body: dict[str, Any], minute: int | None = None) -> Message:
    at = None if minute is None else NOON + timedelta(minutes=minute)
    return Message(exchange, "", orjson.dumps(body), ("k",), at or NOON, at, versioned=at is not None)


def user(minute: int | None, **fields: Any) -> Message:
    return sent("users", {"XML_ID": "U", **fields}, minute)


def test_each_field_of_a_user_comes_from_the_newest_event_that_carries_it() -> None:
    messages = [
        user(3, NAME="Новое"),
        user(1, NAME="Старое", PERSONAL_PHONE="+7 (495) 111-22-33", EMAIL="A@x.ru", INN=7700000001),
        user(2, PERSONAL_PHONE="84950000000", EMAIL=""),
    ]
    company = expected(messages, MAPPING).companies["U"]
    assert (company.title, company.phones, company.emails) == ("Новое", {"4950000000"}, {"a@x.ru"})
    assert company.may == {"4951112233", "4950000000", "a@x.ru"}
    assert company.requisite == ("7700000001", "", "")


def test_without_versions_the_last_message_counts() -> None:
    assert expected([user(None, NAME="1"), user(None, NAME="2")], MAPPING).companies["U"].title == "2"


def test_what_the_body_says_counts_before_what_amqp_says() -> None:
    late = sent("users", {"XML_ID": "U", "NAME": "old", "DATE_UPDATE": "20.11.2026 10:00:00"}, 50)
    assert expected([user(1, NAME="new"), late], MAPPING).companies["U"].title == "new"


def test_sections_hang_by_the_sites_own_number() -> None:
    def section(xml_id: str, site: int, parent: Any) -> Message:
        body = {"XML_ID": xml_id, "ID": site, "NAME": xml_id, "SORT": 10, "ACTIVE": "Y", "IBLOCK_SECTION_ID": parent}
        return sent("section", body, site)

    state = expected([section("child", 2, "1"), section("top", 1, 0), section("orphan", 3, 99)], MAPPING)
    assert state.sections == {
        "top": Section("top", True, None, 10),
        "child": Section("child", True, "top", 10),
        "orphan": Section("orphan", True, None, 10),
    }


def settlement(minute: int, shipments: list[list[tuple[Any, Any, Any]]], **more: Any) -> Message:
    made = [
        {
            "XML_ID": f"S{place}",
            "STATUS": "SENT",
            "DELEVERY": place,
            "GOODS": [dict(zip(("XML_ID", "QUANTITY", "PRICE"), good, strict=True)) for good in goods],
        }
        for place, goods in enumerate(shipments)
    ]
    order = {"XML_ID": "O", "NUMBER": 1, "STATUS": "N", "DATE_CREATE": "20261101", "SHIPMENTS": made, "CACHBACK": "1,5"}
    body = {"XML_ID": 7, "NUMBER": 5, "STATUS": "0", "DATE_CREATE": "01.11.2026", "SOURCE": "WEB", "COMPANY": "C"}
    return sent("mutualsettlements", {"application": {**body, "ORDERS": [{**order, **more}]}}, minute)


def test_the_same_good_in_two_shipments_adds_up_and_the_shipments_keep_their_own() -> None:
    message = settlement(1, [[("9", "1,5", 10)], [(9, 2, "10.00"), ("10", 1, "1 000,00")]])
    state = expected([message], MAPPING)
    order = state.orders["O"]
    assert order.goods["9"] == Line(Decimal("3.5"), Decimal(35), "Товар 9")
    assert [one.goods.get("9") for one in order.shipments.values()] == [Decimal("1.5"), Decimal(2)]
    assert [one.delivered for one in order.shipments.values()] == [False, True]
    assert order.cashback == Decimal("1.5")
    deal = state.deals["7"]
    assert (deal.title, deal.stage, deal.opportunity) == ("Заказ №5", "LOSE", Decimal(1035))
    assert deal.begun == "2026-11-01"
    assert state.companies["C"].title == "Компания C"


def test_a_withdrawn_payment_and_a_removed_line_are_gone() -> None:
    payment = {"XML_ID": "P", "SUM": "10", "STATUS": 1, "DATE_PAY": "", "DATE_PAY_BEFORE": "01.01.0001"}
    first = settlement(1, [[("9", 1, 10), ("10", 1, 10)]], PAYNEMTS=[payment])
    second = settlement(2, [[("9", 1, 10)]], PAYNEMTS="")
    for messages in ([first, second], [second, first]):
        order = expected(messages, MAPPING).orders["O"]
        assert (list(order.goods), order.payments) == (["9"], {})
    paid = expected([first], MAPPING).orders["O"].payments["P"]
    assert (paid.paid, paid.paid_at, paid.pay_before) == (True, None, None)


def test_a_list_is_that_of_the_newest_message_that_carries_it() -> None:
    payment = {"XML_ID": "P", "SUM": "10", "STATUS": 1}
    first = settlement(1, [[("9", 1, 10)]], PAYNEMTS=[payment])
    second = settlement(2, [[("9", 2, 10)]])
    bare = {"XML_ID": "O", "NUMBER": 1, "STATUS": "N", "DATE_CREATE": "20261101", "PAYMENTS": []}
    base = {"XML_ID": 7, "NUMBER": 5, "STATUS": "0", "DATE_CREATE": "01.11.2026", "SOURCE": "WEB"}
    third = sent("mutualsettlements", {"application": base}, 3)
    for messages in ([first, second, third], [third, second, first]):
        state = expected(messages, MAPPING)
        assert (state.orders["O"].goods["9"].quantity, list(state.orders["O"].payments)) == (2, ["P"])
        assert (state.deals["7"].opportunity, state.deals["7"].company) == (20, None)
    fourth = sent("mutualsettlements", {"application": {**base, "ORDERS": [bare]}}, 4)
    state = expected([fourth, third, first], MAPPING)
    assert (state.orders["O"].goods["9"].quantity, state.orders["O"].payments) == (1, {})
    assert state.deals["7"].opportunity == 10


def test_deactivated_products_leave_the_index() -> None:
    day = make_day(Sizes(products=200, changed=1.0), 2)
    state = expected(day.messages, MAPPING)
    gone = {key for key, product in state.products.items() if not product.active}
    assert gone and state.documents is not None
    assert state.products.keys() - state.documents.keys() == gone


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_arrival_does_not_matter(seed: int) -> None:
    day = make_day(Sizes(), seed)
    assert expected(shuffled(day.messages, seed + 10), MAPPING) == expected(day.messages, MAPPING)


def test_numbers_and_dates() -> None:
    texts = ("1500,50", "1 500,50", "1\u00a0500,5000", "1500.5", 1500.5)
    assert {number(text) for text in texts} == {Decimal("1500.5")}
    at = datetime(2026, 11, 20, 9, 3, 5, tzinfo=ZONE)
    forms = (
        "20.11.2026 9:03:05",
        "2026-11-20T06:03:05Z",
        "2026-11-20T09:03:05+03:00",
        "Fri, 20 Nov 2026 09:03:05 +0300",
        f"@{int(at.timestamp())}",
    )
    assert {moment(text, ZONE) for text in forms} == {at}


def test_a_line_may_stand_by_name_only_where_its_good_was_not_sold_for_a_while() -> None:
    day = make_day(Sizes(products=20, settlements=20, changed=1.0, most_changes=8, sold_when_inactive=True), 1)
    must, held = expected(day.messages, MAPPING), expected(day.messages, MAPPING)
    lines = [line for order in held.orders.values() for line in order.goods.values() if line.name is None]
    unsold = [line for line in lines if line.may_be_named]
    assert 0 < len(unsold) < len(lines)
    for line in unsold:
        line.name = "as it was called then"
    assert differences(must, held) == []
    for line in lines:
        line.name = "as it was called then"
    assert len(differences(must, held)) == len(lines) - len(unsold)
