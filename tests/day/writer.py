"""Writes a state into a fresh portal, call by call: what the reader finds there must be that state."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.day.rest import Rest
from tests.day.state import Company, Deal, Order, Product, Section, State

__all__ = ["Writer"]


class Writer:
    """Ids of what was written are kept by XML_ID."""

    def __init__(self, rest: Rest, mapping: dict[str, Any]) -> None:
        self._rest = rest
        self._mapping = mapping
        self._catalog = mapping["catalogs"]["default"]
        self.companies: dict[str, int] = {}
        self.sections: dict[str, int] = {}
        self.products: dict[str, int] = {}
        self.deals: dict[str, int] = {}
        self.orders: dict[str, int] = {}
        self._properties: dict[str, int] = {}
        self._enums: dict[tuple[str, str], int] = {}
        self._elements: dict[str, int] = {}

    async def write(self, state: State) -> None:
        """All of it but the documents."""
        for key, company in state.companies.items():
            self.companies[key] = await self.company(key, company)
        for key, section in state.sections.items():
            self.sections[key] = await self._section(key, section)
        for key, section in state.sections.items():
            if section.parent:
                fields = {"iblockId": self._catalog["iblock"], "name": section.name}
                fields["iblockSectionId"] = self.sections[section.parent]
                await self._rest.call("catalog.section.update", {"id": self.sections[key], "fields": fields})
        for key, product in state.products.items():
            self.products[key] = await self.product(key, product)
        for key, deal in state.deals.items():
            self.deals[key] = await self.deal(key, deal)
        for key, order in state.orders.items():
            self.orders[key] = await self.order(key, order)

    async def _add(self, method: str, fields: dict[str, Any], within: str = "") -> int:
        result = (await self._rest.call(method, {"fields": fields}))["result"]
        return int(result[within]["id"] if within else result)

    async def company(self, key: str, company: Company) -> int:
        """One more company with what belongs to it."""
        mapping = self._mapping["company"]
        fields: dict[str, Any] = {
            "TITLE": company.title,
            "ORIGINATOR_ID": mapping["originator"],
            "ORIGIN_ID": key,
            "PHONE": [{"VALUE": f"+7{phone}", "VALUE_TYPE": "WORK"} for phone in company.phones],
            "EMAIL": [{"VALUE": email, "VALUE_TYPE": "WORK"} for email in company.emails],
            mapping["address_field"]: company.address,
            **company.fields,
        }
        number = await self._add("crm.company.add", fields)
        if company.requisite:
            inn, kpp, ogrn = company.requisite
            owner = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": number, "PRESET_ID": 1, "NAME": "R", "XML_ID": key}
            await self._add("crm.requisite.add", {**owner, "RQ_INN": inn, "RQ_KPP": kpp, "RQ_OGRN": ogrn})
        return number

    async def _section(self, key: str, section: Section) -> int:
        fields = {"iblockId": self._catalog["iblock"], "xmlId": key, "name": section.name, "sort": section.sort}
        fields["active"] = "Y" if section.active else "N"
        return await self._add("catalog.section.add", fields, "section")

    async def product(self, key: str, product: Product) -> int:
        """One more product with its prices and values."""
        fields: dict[str, Any] = {
            "iblockId": self._catalog["iblock"],
            "xmlId": key,
            "name": product.name,
            "code": f"code-{key}",
            "active": "Y" if product.active else "N",
            "iblockSectionId": self.sections[product.section] if product.section else None,
            "previewText": product.preview,
            "detailText": product.detail,
            "previewTextType": "html" if product.html[0] else "text",
            "detailTextType": "html" if product.html[1] else "text",
        }
        for code, values in product.properties.items():
            kind = {"BRAND": "L", "COLOR": "L", "WEIGHT": "N"}.get(code, "S")
            number = await self._property(code, kind)
            fields[f"property{number}"] = [await self._value(code, kind, value) for value in values]
        if product.collection:
            number = await self._property(self._catalog["collection"]["property"], "E")
            fields[f"property{number}"] = await self._element(product.collection)
        made = await self._add("catalog.product.add", fields, "element")
        prices = [
            {"catalogGroupId": kind, "price": float(amount), "currency": currency}
            for kind, (amount, currency) in product.prices.items()
        ]
        await self._rest.call("catalog.price.modify", {"fields": {"product": {"id": made, "prices": prices}}})
        return made

    async def _property(self, code: str, kind: str) -> int:
        if code not in self._properties:
            fields = {"iblockId": self._catalog["iblock"], "name": code, "code": code, "propertyType": kind}
            fields["multiple"] = "Y" if code in ("COLOR", "SIZES") else "N"
            self._properties[code] = await self._add("catalog.productProperty.add", fields, "productProperty")
        return self._properties[code]

    async def _value(self, code: str, kind: str, value: str) -> str | int:
        if kind != "L":
            return value
        if (code, value) not in self._enums:
            fields = {"propertyId": self._properties[code], "value": value, "xmlId": value}
            self._enums[code, value] = await self._add("catalog.productPropertyEnum.add", fields, "productPropertyEnum")
        return self._enums[code, value]

    async def _element(self, name: str) -> int:
        if name not in self._elements:
            fields = {"iblockId": self._catalog["collection"]["iblock"], "name": name}
            self._elements[name] = await self._add("catalog.product.add", fields, "element")
        return self._elements[name]

    async def deal(self, key: str, deal: Deal) -> int:
        """One more deal with its rows."""
        fields = {
            "TITLE": deal.title,
            "ORIGINATOR_ID": self._mapping["company"]["originator"],
            "ORIGIN_ID": key,
            "STAGE_ID": deal.stage,
            "COMPANY_ID": self.companies[deal.company] if deal.company else None,
            "SOURCE_ID": deal.source,
            "ASSIGNED_BY_ID": deal.assigned,
            "BEGINDATE": deal.begun,
        }
        number = await self._add("crm.deal.add", fields)
        rows = [
            {
                "PRODUCT_ID": 0 if line.name else self.products[name.partition(":")[2]],
                "PRODUCT_NAME": line.name or "whatever",
                "PRICE": float(line.amount / line.quantity),
                "QUANTITY": float(line.quantity),
            }
            for name, line in deal.rows.items()
        ]
        await self._rest.call("crm.deal.productrows.set", {"id": number, "rows": rows})
        return number

    async def order(self, key: str, order: Order) -> int:
        """One more order with goods, payments, shipments and its link."""
        rules = self._mapping["order"]
        fields = {"lid": rules["site"], "personTypeId": rules["person_type"], "currency": "RUB", "xmlId": key}
        fields |= {"statusId": order.status, "userId": order.user or rules["user"], "dateInsert": str(order.created)}
        number = await self._add("sale.order.add", fields, "order")
        items: dict[str, int] = {}
        for good, line in order.goods.items():
            items[good] = await self._add(
                "sale.basketitem.add",
                {
                    "orderId": number,
                    "productId": 0 if line.name else self.products[good],
                    "name": line.name or "whatever",
                    "currency": "RUB",
                    "customPrice": "Y",
                    "quantity": float(line.quantity),
                    "price": float(line.amount / line.quantity),
                    "xmlId": good,
                },
                "basketItem",
            )
        for name, payment in order.payments.items():
            given = {"orderId": number, "paySystemId": 1, "xmlId": name, "sum": float(payment.sum)}
            given |= {"paid": "Y" if payment.paid else "N", "datePaid": payment.paid_at and str(payment.paid_at)}
            given["datePayBefore"] = payment.pay_before and str(payment.pay_before)
            await self._add("sale.payment.add", given, "payment")
        for name, shipment in order.shipments.items():
            await self._shipment(number, name, shipment.status, shipment.delivered, shipment.goods, items)
        if order.cashback is not None:
            value = {"orderPropsId": rules["properties"]["CACHBACK"], "value": str(order.cashback)}
            given = {"order": {"id": number, "propertyValues": [value]}}
            await self._rest.call("sale.propertyvalue.modify", {"fields": given})
        link = {"orderId": number, "ownerId": self.deals[order.deal], "ownerTypeId": 2}
        await self._rest.call("crm.orderentity.add", {"fields": link})
        return number

    async def _shipment(
        self, order: int, name: str, status: str, on: bool, goods: dict[str, Decimal], items: dict[str, int]
    ) -> None:
        flag = "Y" if on else "N"
        fields = {"orderId": order, "deliveryId": 1, "xmlId": name, "statusId": status}
        number = await self._add("sale.shipment.add", {**fields, "deducted": flag, "allowDelivery": flag}, "shipment")
        for good, quantity in goods.items():
            item = {"orderDeliveryId": number, "basketId": items[good], "quantity": float(quantity)}
            await self._add("sale.shipmentitem.add", item, "shipmentItem")
