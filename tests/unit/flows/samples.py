"""Messages of the site, small ones, in the wire format."""

from __future__ import annotations

from typing import Any


def user(xml_id: str = "U-1", **more: Any) -> dict[str, Any]:
    return {"XML_ID": xml_id, "NAME": "ООО Ромашка", **more}


def section(xml_id: str, name: str, number: int, parent: int | None = None, **more: Any) -> dict[str, Any]:
    return {"ID": number, "XML_ID": xml_id, "NAME": name, "IBLOCK_SECTION_ID": parent, **more}


def product(xml_id: str = "P-1", name: str = "Болт М6", **more: Any) -> dict[str, Any]:
    return {"ID": f"9{len(xml_id)}", "XML_ID": xml_id, "NAME": name, "ACTIVE": "Y", **more}


def brand(xml_id: str, text: str) -> dict[str, Any]:
    return {
        "BRAND": {"NAME": "Бренд", "CODE": "BRAND", "PROPERTY_TYPE": "L", "VALUE": {"XML_ID": xml_id, "VALUE": text}}
    }


def good(xml_id: str, quantity: Any, price: Any) -> dict[str, Any]:
    return {"XML_ID": xml_id, "QUANTITY": quantity, "PRICE": price}


def shipment(xml_id: str, *goods: dict[str, Any], delivered: int = 0, **more: Any) -> dict[str, Any]:
    return {"XML_ID": xml_id, "NUMBER": f"N-{xml_id}", "STATUS": "WAIT", "DELEVERY": delivered, "GOODS": goods, **more}


def payment(xml_id: str, amount: Any, status: str = "N", **more: Any) -> dict[str, Any]:
    return {"XML_ID": xml_id, "NUMBER": f"N-{xml_id}", "SUM": amount, "STATUS": status, **more}


def order(xml_id: str = "O-1", shipments: Any = (), payments: Any = (), **more: Any) -> dict[str, Any]:
    base = {"XML_ID": xml_id, "NUMBER": "77", "STATUS": "N", "DATE_CREATE": "2026-01-02T10:00:00+03:00"}
    return {**base, "SHIPMENTS": shipments, "PAYNEMTS": payments, **more}


def settlement(*orders: dict[str, Any], xml_id: str = "S-1", **more: Any) -> dict[str, Any]:
    base = {"XML_ID": xml_id, "NUMBER": "17", "STATUS": "NEW", "DATE_CREATE": "01.01.2026 10:00:00"}
    return {"request": {**base, "COMPANY": "U-1", "SOURCE": "1C", "ORDERS": orders, **more}}
