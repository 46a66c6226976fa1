"""What becomes of the portal when things change (issue 5, section 4, point 4), against the simulator in this process.

Each scenario ends with the same event once more: it makes no call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.flows.desk import PLAIN_MAPPING, SmallWorker
from tests.unit.flows.samples import brand, good, order, payment, product, section, settlement, shipment, user


@pytest.fixture
def worker() -> Iterator[SmallWorker]:
    worker = SmallWorker(PLAIN_MAPPING)
    yield worker
    # a deal that loses all its rows; all else goes into batches
    assert set(worker.alone) <= {"crm.deal.productrows.set"}


def basket(worker: SmallWorker) -> dict[str, tuple[float, float, int]]:
    """By external id: quantity, price, product."""
    rows = worker.list("sale.basketitem.list")
    return {row["xmlId"]: (row["quantity"], row["price"], row["productId"]) for row in rows}


def shipped(worker: SmallWorker) -> dict[tuple[str, str], float]:
    """By shipment and line: quantity."""
    shipments = {row["id"]: row["xmlId"] for row in worker.list("sale.shipment.list")}
    lines = {row["id"]: row["xmlId"] for row in worker.list("sale.basketitem.list")}
    rows = worker.list("sale.shipmentitem.list")
    return {(shipments[row["orderDeliveryId"]], lines[row["basketId"]]): row["quantity"] for row in rows}


def rows_of_deal(worker: SmallWorker) -> list[tuple[int, str, float, float]]:
    rows = worker.list("crm.deal.productrows.get", id=1)
    return [(int(row["PRODUCT_ID"]), row["PRODUCT_NAME"], row["PRICE"], row["QUANTITY"]) for row in rows]


def nothing_more(worker: SmallWorker, kind: str, body: Any) -> None:
    """No call; goods that are not there are looked for."""
    calls = worker.calls_of(lambda: worker.send(kind, body))
    assert set(calls) <= ({"catalog.product.list"} if worker.watches else set()), calls


def with_goods(worker: SmallWorker, *names: str) -> None:
    for name in names:
        worker.send("product", product(name, f"Товар {name}"))


def test_an_order_line_is_removed_and_a_quantity_changed(worker: SmallWorker) -> None:
    with_goods(worker, "A", "B")
    worker.send("settlement", settlement(order(shipments=[shipment("H", good("A", 2, 10), good("B", 1, "5,50"))])))
    assert basket(worker) == {"A": (2, 10, 1), "B": (1, 5.5, 2)}
    assert rows_of_deal(worker) == [(1, "Товар A", 10, 2), (2, "Товар B", 5.5, 1)]
    changed = settlement(order(shipments=[shipment("H", good("A", 3, 10))]))
    worker.send("settlement", changed)
    assert basket(worker) == {"A": (3, 10, 1)}
    assert shipped(worker) == {("H", "A"): 3}
    assert rows_of_deal(worker) == [(1, "Товар A", 10, 3)]
    assert worker.one("crm.deal.list")["OPPORTUNITY"] == "30.00"
    nothing_more(worker, "settlement", changed)


def test_one_product_in_two_shipments_adds_up(worker: SmallWorker) -> None:
    with_goods(worker, "1")
    body = settlement(order(shipments=[shipment("H1", good(1, 2, 10)), shipment("H2", good("1", 3, 10))]))
    worker.send("settlement", body)
    assert basket(worker) == {"1": (5, 10, 1)}, "digits alone are an id like others"
    assert shipped(worker) == {("H1", "1"): 2, ("H2", "1"): 3}, "the quantity is the shipment's own"
    nothing_more(worker, "settlement", body)


def test_one_product_at_two_prices_has_two_lines(worker: SmallWorker) -> None:
    body = settlement(order(shipments=[shipment("H1", good("A", 2, 10)), shipment("H2", good("A", 3, 12))]))
    worker.send("settlement", body)
    assert basket(worker) == {"A": (2, 10, 0), "A@12": (3, 12, 0)}
    assert shipped(worker) == {("H1", "A"): 2, ("H2", "A@12"): 3}
    assert worker.one("crm.deal.list")["OPPORTUNITY"] == "56.00"


BOTH = [shipment("H1", good("A", 2, 10)), shipment("H2", good("A", 1, "10.00"), good("B", 1, 5))]


@pytest.mark.parametrize(
    ("goods", "lines", "total"),
    [
        ([good("A", 3, 10), good("B", 1, 5)], {"A": (3, 10, 0), "B": (1, 5, 0)}, "35.00"),
        ([good("A", 5, 10)], {"A": (5, 10, 0), "B": (1, 5, 0)}, "55.00"),
        ([good("A", 1, 10)], {"A": (3, 10, 0), "B": (1, 5, 0)}, "35.00"),
        ([good("A", 2, 10), {**good("A", 2, 10), "NAME": "Болт"}], {"A": (4, 10, 0), "B": (1, 5, 0)}, "45.00"),
        ([good("C", 2, 7)], {"A": (3, 10, 0), "B": (1, 5, 0), "C": (2, 7, 0)}, "49.00"),
        ([good("A", 1, 9)], {"A": (3, 10, 0), "B": (1, 5, 0), "A@9": (1, 9, 0)}, "44.00"),
    ],
)
def test_a_basket_at_both_levels_is_not_doubled(
    worker: SmallWorker, goods: list[Any], lines: dict[str, tuple[float, float, int]], total: str
) -> None:
    body = settlement(order(shipments=BOTH, GOODS=goods))
    worker.send("settlement", body)
    assert basket(worker) == lines
    assert worker.one("crm.deal.list")["OPPORTUNITY"] == total
    assert sorted((price, quantity) for _, _, price, quantity in rows_of_deal(worker)) == sorted(
        (price, quantity) for quantity, price, _ in lines.values()
    )
    assert shipped(worker) == {("H1", "A"): 2, ("H2", "A"): 1, ("H2", "B"): 1}, "shipments have what they name"
    nothing_more(worker, "settlement", body)


def test_the_basket_beside_orders_and_in_shipments(worker: SmallWorker) -> None:
    flat = settlement(order(shipments=BOTH))
    flat["request"]["GOODS"] = [{**good("A", 3, 10), "ORDER_XML_ID": "O-1"}]
    worker.send("settlement", flat)
    assert basket(worker) == {"A": (3, 10, 0), "B": (1, 5, 0)}
    assert worker.one("crm.deal.list")["OPPORTUNITY"] == "35.00"


def test_a_payment_is_paid_and_then_withdrawn(worker: SmallWorker) -> None:
    goods = [shipment("H", good("A", 1, 10))]
    worker.send("settlement", settlement(order(shipments=goods, payments=[payment("X", 4), payment("Y", 6)])))
    paid = [payment("X", 4), payment("Y", 6, "Y", DATE_PAY="2026-01-05T12:00:00+03:00")]
    worker.send("settlement", settlement(order(shipments=goods, payments=paid)))
    row = worker.one("sale.payment.list", xmlId="Y")
    assert (row["paid"], row["datePaid"], row["payVoucherNum"]) == ("Y", "2026-01-05T12:00:00+03:00", "N-Y")
    left = settlement(order(shipments=goods, payments=[payment("X", 4)]))
    calls = worker.calls_of(lambda: worker.send("settlement", left))
    assert [row["xmlId"] for row in worker.list("sale.payment.list")] == ["X"]
    assert (calls["sale.payment.update"], calls["sale.payment.delete"]) == (1, 1), "unpaid first: paid ones are kept"
    nothing_more(worker, "settlement", left)


@pytest.mark.parametrize("status", ["Y", "N"])
def test_the_sum_of_a_paid_payment_changes(worker: SmallWorker, status: str) -> None:
    worker.send("settlement", settlement(order(payments=[payment("X", 4, "Y"), payment("Z", 1, "Y")])))
    changed = settlement(order(payments=[payment("X", 5, status), payment("Z", 1, "Y")]))
    worker.send("settlement", changed)
    rows = {row["xmlId"]: (row["sum"], row["paid"]) for row in worker.list("sale.payment.list")}
    assert rows == {"X": (5, status), "Z": (1, "Y")}
    nothing_more(worker, "settlement", changed)


def test_a_delivery_that_a_manager_has_priced_keeps_its_price(worker: SmallWorker) -> None:
    def sent(**more: Any) -> tuple[Any, ...]:
        goods = [{**shipment("H", good("A", 1, 10)), "STATUS": None, **more}]
        worker.send("settlement", settlement(order(shipments=goods)))
        row = worker.one("sale.shipment.list", xmlId="H")
        return row["statusId"], row["priceDelivery"], row["deducted"]

    assert sent() == ("DN", 0, "N")
    flags = {"allowDelivery": "N", "deducted": "N", "deliveryId": 1}
    priced = {**flags, "statusId": "DD", "basePriceDelivery": 300}
    worker.desk.result("sale.shipment.update", {"id": 1, "fields": priced})
    assert sent(NUMBER="other") == ("DD", 300, "N")
    assert sent(NUMBER="other", DELEVERY=1) == ("DD", 300, "Y")
    goods = [{**shipment("H", good("A", 2, 10), delivered=1), "STATUS": None}]
    worker.send("settlement", settlement(order(shipments=goods)))
    row = worker.one("sale.shipment.list", xmlId="H")
    assert (row["statusId"], row["priceDelivery"], row["deducted"]) == ("DD", 300, "Y"), "taken back, delivered again"


def test_a_delivered_shipment_of_a_new_order_has_its_status(worker: SmallWorker) -> None:
    sent = {**shipment("H", good("A", 1, 10), delivered=1), "STATUS": "SENT"}
    worker.send("settlement", settlement(order(shipments=[sent])))
    row = worker.one("sale.shipment.list", xmlId="H")
    assert (row["statusId"], row["deducted"]) == ("DF", "Y")


def test_a_managers_payment_stays(worker: SmallWorker) -> None:
    worker.send("settlement", settlement(order(payments=[payment("X", 4)])))
    worker.desk.result("sale.payment.add", {"fields": {"orderId": 1, "paySystemId": 2, "sum": 1}})
    worker.send("settlement", settlement(order()))
    assert [row["sum"] for row in worker.list("sale.payment.list")] == [1]


def test_a_shipment_is_delivered_and_taken_back(worker: SmallWorker) -> None:
    def state() -> tuple[str, str, str]:
        row = worker.one("sale.shipment.list", xmlId="H")
        return row["deducted"], row["allowDelivery"], row["statusId"]

    worker.send("settlement", settlement(order(shipments=[shipment("H", good("A", 1, 10))])))
    assert state() == ("N", "N", "DN")
    delivered = settlement(order(shipments=[shipment("H", good("A", 1, 10), delivered=2, STATUS="SENT")]))
    worker.send("settlement", delivered)
    assert state() == ("Y", "Y", "DF")
    nothing_more(worker, "settlement", delivered)
    worker.send("settlement", settlement(order(shipments=[shipment("H", good("A", 1, 10))])))
    assert state() == ("N", "N", "DN")


def test_goods_lie_in_a_new_shipment_before_it_is_delivered(worker: SmallWorker) -> None:
    methods: list[str] = []
    reply = worker.desk.reply

    def noted(method: str, params: Any = None, credential: Any = None) -> Any:
        methods.append(method)
        return reply(method, params, credential)

    worker.desk.reply = noted  # type: ignore[method-assign]
    worker.send("settlement", settlement(order(shipments=[shipment("H", good("A", 1, 10), delivered=1)])))
    places = [methods.index(f"sale.{name}") for name in ("shipment.add", "shipmentitem.add", "shipment.update")]
    assert places == sorted(places)


def test_what_is_delivered_changes(worker: SmallWorker) -> None:
    """A shop gives no line less than its shipments hold, and changes nothing in what is shipped (strict.py)."""
    with_goods(worker, "A", "B", "C")
    first = [shipment("H1", good("A", 5, 10), good("B", 1, 1), delivered=1), shipment("H2", good("A", 1, 10))]
    worker.send("settlement", settlement(order(shipments=first)))
    then = [
        shipment("H1", good("A", 2, 10), delivered=1, NUMBER="another"),
        shipment("H2", good("A", 3, 10), good("C", 1, 1), delivered=1),
    ]
    worker.send("settlement", settlement(order(shipments=then)))
    assert {name: quantity for name, (quantity, _, _) in basket(worker).items()} == {"A": 5, "C": 1}
    assert shipped(worker) == {("H1", "A"): 2, ("H2", "A"): 3, ("H2", "C"): 1}
    assert [row["deducted"] for row in worker.list("sale.shipment.list")] == ["Y", "Y"], "taken back only meanwhile"
    calls = worker.calls_of(lambda: worker.send("settlement", settlement(order(shipments=then, STATUS="ACCEPTED"))))
    assert calls == {"sale.order.update": 1}


def test_a_company_is_renamed_and_its_phones_do_not_pile_up(worker: SmallWorker) -> None:
    first = user(PERSONAL_PHONE="+7 495 000-00-01", EMAIL="a@example.com")
    assert sum(worker.calls_of(lambda: worker.send("user", first)).values()) == 2, "look-up and add"
    worker.send("user", user(NAME="ООО Лютик", PERSONAL_PHONE="8 (495) 000-00-01", EMAIL="A@example.com"))
    company = worker.desk.result("crm.company.get", {"id": 1})
    assert company["TITLE"] == "ООО Лютик"
    assert [len(company[name]) for name in ("PHONE", "EMAIL")] == [1, 1]
    nothing_more(worker, "user", {"XML_ID": "U-1", "NAME": "ООО Лютик"})


def test_a_partial_event_changes_what_it_carries_in_any_order(worker: SmallWorker) -> None:
    events = [
        (3, {"XML_ID": "U-1", "NAME": "Новое"}),
        (1, {"XML_ID": "U-1", "NAME": "Старое", "UF_PHYSICAL_ADDRESS": "Москва", "LOGIN": "old", "INN": "7707083893"}),
        (2, {"XML_ID": "U-1", "LOGIN": "new", "KPP": "770701001"}),
    ]
    for at, body in events:
        worker.send("user", body, at)
    company = worker.desk.result("crm.company.get", {"id": 1})
    assert (company["TITLE"], company["ADDRESS"], company["UF_CRM_SITE_LOGIN"]) == ("Новое", "Москва", "new")
    requisite = worker.one("crm.requisite.list")
    assert (requisite["RQ_INN"], requisite["RQ_KPP"], requisite["ENTITY_ID"]) == ("7707083893", "770701001", "1")


def test_a_product_moves_between_sections_and_brands(worker: SmallWorker) -> None:
    worker.send("section", section("S-1", "Крепёж", 11))
    worker.send("section", section("S-2", "Болты", 12, 11))
    first = product(IBLOCK_SECTION_ID=11, PROPERTY_VALUES=brand("B-1", "Альфа"), PRICES={"BASE": 10})
    worker.send("product", first)
    worker.desk.result(
        "catalog.price.add", {"fields": {"productId": 1, "catalogGroupId": 2, "price": 7, "currency": "RUB"}}
    )
    moved = product(SECTION_XML_ID="S-2", PROPERTY_VALUES=brand("B-2", "Бета"), PRICES={"BASE": 12})
    worker.send("product", moved)
    row = worker.desk.result("catalog.product.get", {"id": 1})["product"]
    values = {row["id"]: row["xmlId"] for row in worker.list("catalog.productPropertyEnum.list")}
    assert (row["iblockSectionId"], values[int(row["property1"]["value"])]) == (2, "B-2")
    prices = {row["catalogGroupId"]: row["price"] for row in worker.list("catalog.price.list")}
    assert prices == {1: 12, 2: 7}, "a price of another type stays"
    nothing_more(worker, "product", moved)
    assert len(worker.list("catalog.productProperty.list")) == 1


def test_a_product_is_deactivated(worker: SmallWorker) -> None:
    worker.send("product", product())
    worker.send("product", product(ACTIVE="N"))
    assert worker.desk.result("catalog.product.get", {"id": 1})["product"]["active"] == "N"


def test_a_settlement_is_completed_when_its_product_comes(worker: SmallWorker) -> None:
    body = settlement(order(shipments=[shipment("H", good("A", 2, 10), delivered=1)]))
    worker.send("settlement", body)
    assert rows_of_deal(worker) == [(0, "Товар A", 10, 2)]
    assert basket(worker) == {"A": (2, 10, 0)}
    worker.send("product", product("A", "Болт"))
    assert rows_of_deal(worker) == [(1, "Болт", 10, 2)]
    assert basket(worker) == {"A": (2, 10, 1)}
    assert shipped(worker) == {("H", "A"): 2}
    assert worker.one("sale.shipment.list")["deducted"] == "Y"
    assert not worker.watches
    nothing_more(worker, "settlement", body)


def test_a_company_is_completed_when_its_user_comes(worker: SmallWorker) -> None:
    worker.send("settlement", settlement())
    assert worker.one("crm.company.list", ORIGIN_ID="U-1")["TITLE"] == "Компания U-1"
    worker.send("user", user(EMAIL="a@example.com"))
    company = worker.desk.result("crm.company.get", {"id": 1})
    assert (company["TITLE"], company["EMAIL"][0]["VALUE"]) == ("ООО Ромашка", "a@example.com")
    worker.send("settlement", settlement(STATUS="DONE"))
    assert worker.one("crm.company.list")["TITLE"] == "ООО Ромашка", "a settlement renames no company"
    assert worker.one("crm.deal.list")["COMPANY_ID"] == "1"


def test_a_child_section_before_its_parent_ends_under_it(worker: SmallWorker) -> None:
    worker.send("section", section("S-2", "Болты", 12, 11))
    assert not worker.one("catalog.section.list", xmlId="S-2")["iblockSectionId"], "waited, then the root"
    worker.send("section", section("S-1", "Крепёж", 11))
    parent = worker.one("catalog.section.list", xmlId="S-1")["id"]
    assert worker.one("catalog.section.list", xmlId="S-2")["iblockSectionId"] == parent
    nothing_more(worker, "section", section("S-2", "Болты", 12, 11))


def test_an_older_event_overwrites_nothing(worker: SmallWorker) -> None:
    newer = settlement(order(shipments=[shipment("H1", good("A", 2, 10))], payments=[payment("X", 4, "Y")]))
    worker.send("settlement", newer, 5)
    older = settlement(
        order(
            shipments=[shipment("H1", good("B", 9, 9), delivered=1), shipment("H2", good("A", 1, 10))],
            payments=[payment("Z", 1)],
        ),
        STATUS="DONE",
    )
    calls = worker.calls_of(lambda: worker.send("settlement", older, 4))
    assert set(calls) <= {"catalog.product.list", "sale.basketitem.list", "sale.shipment.list"}, "it only looks"
    assert worker.one("crm.deal.list")["STAGE_ID"] == "NEW"
    assert shipped(worker) == {("H1", "A"): 2}


def test_an_order_belongs_to_its_deal_and_has_its_cashback(worker: SmallWorker) -> None:
    worker.send("settlement", settlement(order(CACHBACK="150,50", USER_ID="12")))
    row = worker.one("sale.order.list", xmlId="O-1")
    assert (row["orderTopic"], row["statusId"], row["userId"], row["responsibleId"]) == ("77", "N", 3, 3)
    assert worker.list("crm.orderentity.list") == [{"orderId": 1, "ownerId": 1, "ownerTypeId": 2}]
    worker.desk.result(
        "sale.propertyvalue.modify",
        {"fields": {"order": {"id": 1, "propertyValues": [{"orderPropsId": 39, "value": "old"}]}}},
    )
    worker.send("settlement", settlement(order(CACHBACK=200, USER_ID="12")))
    values = {row["orderPropsId"]: row["value"] for row in worker.list("sale.propertyvalue.list")}
    assert values == {39: "old", 40: "200"}, "other properties stay"


def test_forced_events_are_written_though_nothing_has_changed(worker: SmallWorker) -> None:
    body = settlement(order(shipments=[shipment("H", good("A", 1, 10))]))
    worker.send("settlement", body)
    worker.desk.result("crm.deal.update", {"id": 1, "fields": {"TITLE": "by hand"}})
    worker.desk.result("sale.basketitem.update", {"id": 1, "fields": {"quantity": 5}})
    nothing_more(worker, "settlement", body)
    worker.send("settlement", body, force="1")
    assert (worker.one("crm.deal.list")["TITLE"], basket(worker)["A"][0]) == ("Заказ №17", 1)


def test_calls_of_a_new_settlement(worker: SmallWorker) -> None:
    """Printed with `-s`; grows only with what is made: two orders of two shipments, two goods each, one payment."""
    with_goods(worker, "A", "B")
    goods = good("A", 1, 10), good("B", 2, 5)

    def one(key: str) -> dict[str, Any]:
        halves = [shipment(f"{key}-1", *goods, delivered=1), shipment(f"{key}-2", *goods)]
        return order(key, halves, [payment(f"{key}-P", 20, "Y")], CACHBACK=1)

    worker.rounds = 0
    calls = worker.calls_of(lambda: worker.send("settlement", settlement(one("O-1"), one("O-2"))))
    print(f"\ncalls of a new settlement: {sum(calls.values())} in {worker.rounds} rounds: {dict(calls)}")
    made = 1 + 1 + 2 * (1 + 2 + 1 + 2 + 4)
    others = {"look-ups": 4, "rows": 1, "links": 2, "properties": 2, "delivered": 2}
    assert sum(calls.values()) == made + sum(others.values())
    nothing_more(worker, "settlement", settlement(one("O-1"), one("O-2")))


def test_only_properties_and_values_that_are_there() -> None:
    catalog = PLAIN_MAPPING.catalogs["default"].model_copy(update={"properties": "existing"})
    worker = SmallWorker(PLAIN_MAPPING.model_copy(update={"catalogs": {"default": catalog}}))
    fields = {"iblockId": 23, "name": "Бренд", "code": "BRAND", "propertyType": "L"}
    worker.desk.result("catalog.productProperty.add", {"fields": fields})
    worker.desk.result("catalog.productPropertyEnum.add", {"fields": {"propertyId": 1, "value": "А", "xmlId": "B-1"}})

    def brands() -> Any:
        return worker.desk.result("catalog.product.get", {"id": 1})["product"]["property1"]

    color = {"COLOR": {"NAME": "Цвет", "PROPERTY_TYPE": "L", "VALUE": {"XML_ID": "r", "VALUE": "Красный"}}}
    worker.send("product", product(PROPERTY_VALUES={**brand("B-1", "А"), **color}))
    assert brands()["value"] == "1"
    worker.send("product", product(PROPERTY_VALUES={**brand("B-9", "Я"), **color}))
    assert brands() is None
    assert len(worker.list("catalog.productProperty.list")) == len(worker.list("catalog.productPropertyEnum.list")) == 1


def payments_left(worker: SmallWorker) -> list[str]:
    return [row["xmlId"] for row in worker.list("sale.payment.list")]


@pytest.mark.parametrize("empty", [[], {}, "", None, False])
def test_payments_stay_when_their_key_is_absent_and_go_when_it_is_empty(worker: SmallWorker, empty: Any) -> None:
    goods = [shipment("H", good("A", 1, 10))]
    worker.send("settlement", settlement(order(shipments=goods, payments=[payment("X", 4), payment("Y", 6, "Y")])))
    unsaid = order(shipments=goods, STATUS="ACCEPTED")
    del unsaid["PAYNEMTS"]
    worker.send("settlement", settlement(unsaid))
    assert worker.one("sale.order.list")["statusId"] == "P", "what it carries is done"
    assert payments_left(worker) == ["X", "Y"]
    nothing_more(worker, "settlement", settlement(unsaid))
    none = settlement(order(shipments=goods, payments=empty, STATUS="ACCEPTED"))
    worker.send("settlement", none)
    assert payments_left(worker) == []
    nothing_more(worker, "settlement", none)


def sum_and_rows(worker: SmallWorker) -> tuple[str, list[tuple[int, str, float, float]]]:
    return worker.one("crm.deal.list")["OPPORTUNITY"], rows_of_deal(worker)


def test_a_settlement_without_orders_keeps_sum_rows_and_orders(worker: SmallWorker) -> None:
    unsaid = settlement(STATUS="DONE")
    del unsaid["request"]["ORDERS"]
    full = settlement(order(shipments=[shipment("H", good("A", 2, 10))], payments=[payment("X", 4)]))
    worker.send("settlement", unsaid)
    assert sum_and_rows(worker) == ("0.00", [])
    worker.send("settlement", full)
    assert sum_and_rows(worker) == ("20.00", [(0, "Товар A", 10, 2)])
    worker.send("settlement", unsaid)
    assert worker.one("crm.deal.list")["STAGE_ID"] == "WON"
    assert sum_and_rows(worker) == ("20.00", [(0, "Товар A", 10, 2)])
    assert (basket(worker), payments_left(worker)) == ({"A": (2, 10, 0)}, ["X"])
    nothing_more(worker, "settlement", unsaid)
    worker.send("settlement", settlement())
    assert sum_and_rows(worker) == ("0.00", []), "an empty list says that there are none"


def test_an_order_without_goods_keeps_its_basket_and_the_deal_its_sum(worker: SmallWorker) -> None:
    goods = [shipment("H", good("A", 2, 10), delivered=1)]
    worker.send("settlement", settlement(order(shipments=goods), order("O-2", [shipment("I", good("B", 1, 1))])))
    unsaid = order(payments=[payment("X", 4)])
    del unsaid["SHIPMENTS"]
    body = settlement(unsaid, order("O-2", [shipment("I", good("B", 3, 1))]))
    worker.send("settlement", body)
    assert basket(worker) == {"A": (2, 10, 0), "B": (3, 1, 0)}, "the other order's is changed"
    assert shipped(worker) == {("H", "A"): 2, ("I", "B"): 3}
    assert payments_left(worker) == ["X"]
    assert sum_and_rows(worker)[0] == "21.00", "that of both is not known"
    nothing_more(worker, "settlement", body)
    bare = {key: value for key, value in goods[0].items() if key != "GOODS"}
    worker.send("settlement", settlement(order(shipments=[{**bare, "DELEVERY": 0}, {**bare, "XML_ID": "new"}])))
    assert shipped(worker) == {("H", "A"): 2, ("I", "B"): 3}, "nor is what lies in a shipment"
    states = {row["xmlId"]: row["deducted"] for row in worker.list("sale.shipment.list")}
    assert states == {"H": "N", "I": "N", "new": "Y"}, "what is said of the shipment itself is done"
    both = [*goods, shipment("new", good("A", 4, 10), delivered=1)]
    worker.send("settlement", settlement(order(shipments=both)))
    assert (shipped(worker)["new", "A"], basket(worker)["A"]) == (4, (6, 10, 0)), "and it is filled later"
    assert {row["deducted"] for row in worker.list("sale.shipment.list") if row["xmlId"] != "I"} == {"Y"}


def test_a_settlement_is_completed_though_a_newer_message_does_not_carry_its_goods(worker: SmallWorker) -> None:
    worker.send("settlement", settlement(order(shipments=[shipment("H", good("A", 2, 10))])), 1)
    bare = order("O-2")
    del bare["SHIPMENTS"]
    worker.send("settlement", settlement(order(shipments=[shipment("H", good("A", 3, 10))]), bare), 2)
    unsaid = settlement(STATUS="DONE")
    del unsaid["request"]["ORDERS"]
    worker.send("settlement", unsaid, 3)
    worker.send("product", product("A", "Болт"))
    assert rows_of_deal(worker) == [(1, "Болт", 10, 2)], "the last that carried the goods of all orders"
    assert basket(worker) == {"A": (3, 10, 1)}
    assert worker.one("crm.deal.list")["STAGE_ID"] == "WON"
