"""One order of a settlement: order, its link to the deal, basket, payments, properties (shipments: shipments.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline.flows.mapping.model import Mapping
from pipeline.flows.messages.model import Order, Payment, Settlement
from pipeline.flows.settlements.dictionaries import Dictionaries
from pipeline.flows.settlements.goods import FoundGoods, Line, goods_of, lines_of
from pipeline.flows.texts import written
from pipeline.portal.plan import Key, Part
from pipeline.portal.plan_builder import Made, PlanBuilder
from pipeline.portal.plan_steps import MOST_KEYS
from pipeline.portal.reconciling import basket, gone, order_link, order_properties, payments

__all__ = ["OrderSteps", "moment", "steps_of"]

#: order, link, payments, those paid again, their deletion, properties; two before the basket, and it; shipments, their
#: deletion, items, delivered
_STEPS = 13


@dataclass(frozen=True, slots=True)
class OrderSteps:
    """Adds the steps of one order. `prefix` is of their names, `path` of faults: `ORDERS[2]`.

    `lines`: those of the basket, by product and price.
    """

    steps: PlanBuilder
    mapping: Mapping
    words: Dictionaries
    found: FoundGoods
    order: Order
    prefix: str
    path: str
    version: str | None
    lines: dict[tuple[str, Decimal], Line] = field(init=False)

    def __post_init__(self) -> None:
        # once: an order of thousands of lines asks for them at each
        object.__setattr__(self, "lines", lines_of(goods_of(self.order)))

    def add(self, settlement: Settlement, deal: Made) -> Made:
        """The order itself, its link to the deal, payments and properties; returns the order's step."""
        made = self.steps.upsert(
            f"{self.prefix}order",
            "order",
            Key(id=self.order.xml_id),
            self._fields(settlement),
            version=self.version,
            after=(),
        )
        self.reconcile(
            made,
            "deal",
            "crm.orderentity.list",
            order_link.NAME,
            {"order": made.id, "deal": deal.id},
            params={"filter": {"orderId": made.id, "ownerTypeId": order_link.DEAL}},
        )
        self._payments(made)
        self._properties(made)
        return made

    def reconcile(
        self,
        order: Made,
        name: str,
        method: str,
        rule: str,
        wanted: Any,
        *,
        after: tuple[str, ...] = (),
        params: dict[str, Any] | None = None,
        apart: tuple[str, ...] = (),
    ) -> str:
        """What belongs to the order, all its own; of a new one there is nothing to read. Returns the step's name."""
        step = f"{self.prefix}{name}"
        self.steps.reconcile(
            step,
            method,
            params or {"filter": {"orderId": order.id}},
            rule=rule,
            wanted=wanted,
            part=Part(name=name, entity="order", key=Key(id=self.order.xml_id), version=self.version, apart=apart),
            unless_new=order.name,
            after=after,
        )
        return step

    def _fields(self, settlement: Settlement) -> dict[str, Any]:
        order, mapping = self.order, self.mapping
        user = self.words.user(order.user_id)
        fields: dict[str, Any] = {
            "lid": mapping.order.site,
            "personTypeId": mapping.order.person_type,
            "currency": mapping.deal.currency,
            "responsibleId": user or self.words.user(settlement.assigned_by) or mapping.deal.assigned_by,
        }
        buyer = user or mapping.order.user
        status = self.words.order_status(order.status, f"{self.path}.STATUS")
        optional = {
            "userId": buyer,
            "statusId": status,
            "orderTopic": order.number or None,
            "dateInsert": moment(order.created),
        }
        return fields | {name: value for name, value in optional.items() if value is not None}

    def basket(self, made: Made, after: tuple[str, ...] = ()) -> str:
        """The step that makes the lines; returns its name."""
        items = [
            {
                "xmlId": line.xml_id,
                "productXmlId": line.product,
                "productId": self.found.product_id(line),
                "price": written(line.price),
                "quantity": written(line.quantity),
            }
            for line in self.lines.values()
        ]
        names = [{"xmlId": line.xml_id, "name": self.found.name(line)} for line in self.lines.values()]
        wanted = self.own(made) | {"currency": self.mapping.deal.currency, "items": items, "names": names}
        options: dict[str, Any] = {"after": after, "apart": ("names",)}
        return self.reconcile(made, "basket", "sale.basketitem.list", basket.NAME, wanted, **options)

    def _payments(self, made: Made) -> None:
        removed = self.mapping.payment.removed
        if not self.order.has_payments or (not self.order.payments and removed == "keep"):
            return
        items = [
            {"xmlId": one.xml_id, "fields": self._payment(one, f"{self.path}.PAYNEMTS[{place}]")}
            for place, one in enumerate(self.order.payments)
        ]
        given = {"removed": removed, "items": items}
        wanted = self.own(made) | given
        step = self.reconcile(made, "payments", "sale.payment.list", payments.NAME, wanted)
        step = self.reconcile(made, "repaid", "sale.payment.list", payments.REPAID, wanted, after=(step,))
        if removed == "delete":
            self.gone(made, "payment", [one.xml_id for one in self.order.payments], after=step)

    def _payment(self, one: Payment, path: str) -> dict[str, Any]:
        paid = self.words.paid(one.status, f"{path}.STATUS")
        fields: dict[str, Any] = {
            "paySystemId": self.mapping.payment.system,
            "sum": written(one.sum),
            "paid": "Y" if paid else "N",
        }
        given = {
            "payVoucherNum": one.number or None,
            "dateBill": moment(one.created),
            "datePayBefore": moment(one.pay_before),
        }
        if paid and one.paid_at is not None:
            # the portal puts a date of its own on what is paid without one
            given["datePaid"] = moment(one.paid_at)
        return fields | given

    def _properties(self, made: Made) -> None:
        cashback = None if self.order.cashback is None else written(self.order.cashback)
        values = {
            "CACHBACK": cashback,
            "CASHBACK": cashback,
            "NUMBER": self.order.number,
            "USER_ID": self.order.user_id,
        }
        wanted = {
            str(number): value for key, number in self.mapping.order.properties.items() if (value := values.get(key))
        }
        if wanted:
            given = {"order": made.id, "values": wanted}
            self.reconcile(made, "properties", "sale.propertyvalue.list", order_properties.NAME, given)

    def own(self, made: Made) -> dict[str, Any]:
        """What the rules of an order's parts need to know of it."""
        return {"order": made.id, "key": self.order.xml_id}

    def gone(self, made: Made, entity: str, keep: list[str], *, after: str) -> str:
        """What is no longer wanted is deleted, after it was made unpaid or taken back."""
        wanted = {"entity": entity, "keep": sorted(keep)}
        return self.reconcile(made, f"{entity}s-gone", f"sale.{entity}.list", gone.NAME, wanted, after=(after,))


def steps_of(order: Order) -> int:
    """How many steps it takes at most; `MOST_KEYS` lines or shipments are found by one."""
    return _STEPS + 2 + (len(goods_of(order)) + len(order.shipments)) // MOST_KEYS


def moment(at: datetime | None) -> str | None:
    """A moment as the portal reads it."""
    return None if at is None else at.isoformat(timespec="seconds")
