"""Product rows as data: prices that follow from one another, and the sum of an object that follows from its rows."""

from typing import Any

from sandbox.portal.errors import Problem, RestError
from sandbox.portal.fields import TYPES, integer
from sandbox.portal.fields.casts import number
from sandbox.portal.portal import Portal
from sandbox.portal.store import Row, Store, Table

_RATE = "Discount Rate (DISCOUNT_RATE) is required if Percentage Discount Type (DISCOUNT_TYPE_ID) is defined.<br>"
_FULL = (
    "Discount Sum (DISCOUNT_SUM) is required if Percentage Discount Type (DISCOUNT_TYPE_ID) is defined"
    " and Discount Rate (DISCOUNT_RATE) is 100%<br>"
)
_SUM = "Discount Sum (DISCOUNT_SUM) is required if Monetary Discount Type (DISCOUNT_TYPE_ID) is defined.<br>"


def rows_of(store: Store, table: Table, row_id: int) -> list[Row]:
    """The product rows of an object, in order."""
    found = store.tables["product_row"].where("OWNER_ID", row_id)
    own = [row for row in found if row["OWNER_TYPE"] == table.entity.short]
    return sorted(own, key=lambda row: (row.get("SORT") or 0, row["ID"]))


def check_discount(given: dict[str, Any]) -> None:
    """Raises `RestError` 400 ERROR_CORE for a discount that is half given (crm.deal.productrows.set page)."""
    kind = integer(given.get("DISCOUNT_TYPE_ID"))
    rate, total = given.get("DISCOUNT_RATE"), given.get("DISCOUNT_SUM")
    text = None
    if kind == 2 and rate in (None, ""):
        text = _RATE
    elif kind == 2 and number(rate) == 100 and total in (None, ""):
        text = _FULL
    elif kind == 1 and total in (None, ""):
        text = _SUM
    if text is not None:
        raise RestError(Problem(400, "ERROR_CORE", text))


def made(portal: Portal, given: dict[str, Any], held: Row | None = None) -> Row:
    """A row's fields after a write of `given` (own names), its prices completed."""
    table = portal.store.tables["product_row"]
    row: Row = {**held} if held else {"PRODUCT_ID": 0, "QUANTITY": 1.0, "DISCOUNT_TYPE_ID": 2, "TAX_INCLUDED": "N"}
    for name, value in given.items():
        field = table.field(name)
        if field is None or field.readonly or name in ("OWNER_ID", "OWNER_TYPE"):
            continue
        taken = TYPES[field.type].take(value, portal.zone)
        if taken is not None or name not in ("QUANTITY", "PRODUCT_ID", "DISCOUNT_TYPE_ID"):
            row[name] = taken
    _complete(portal, row, given)
    return row


def _complete(portal: Portal, row: Row, given: dict[str, Any]) -> None:
    product = portal.store.tables["product"].rows.get(row.get("PRODUCT_ID") or 0)
    if not row.get("PRODUCT_NAME") and product:
        row["PRODUCT_NAME"] = product.get("name")
    row["TYPE"] = 1 if product or not row.get("PRODUCT_ID") else 5
    measures = list(portal.store.tables["measure"].rows.values())
    code = row.get("MEASURE_CODE") or 796
    row["MEASURE_CODE"] = code
    row["MEASURE_NAME"] = next((m["symbol"] for m in measures if m["code"] == code), row.get("MEASURE_NAME") or "")
    tax = 1 + (row.get("TAX_RATE") or 0.0) / 100
    price = row.get("PRICE")
    if "PRICE" not in given and "PRICE_EXCLUSIVE" in given:
        price = (row.get("PRICE_EXCLUSIVE") or 0.0) * tax
    price = price or 0.0
    exclusive = price / tax if tax else price
    if row.get("DISCOUNT_TYPE_ID") == 1:
        total = row.get("DISCOUNT_SUM") or 0.0
        netto = exclusive + total
        row["DISCOUNT_RATE"] = _rounded(total / netto * 100) if netto else 0.0
    else:
        rate = row.get("DISCOUNT_RATE") or 0.0
        netto = exclusive / (1 - rate / 100) if rate < 100 else exclusive + (row.get("DISCOUNT_SUM") or 0.0)
        row["DISCOUNT_RATE"] = rate
    row["DISCOUNT_SUM"] = _rounded(netto - exclusive)
    row["PRICE"] = row["PRICE_ACCOUNT"] = _rounded(price)
    row["PRICE_EXCLUSIVE"], row["PRICE_NETTO"] = _rounded(exclusive), _rounded(netto)
    row["PRICE_BRUTTO"] = _rounded(netto * tax)
    row["CUSTOMIZED"] = "Y"
    row.setdefault("XML_ID", "")


def recalculated(store: Store, table: Table, row_id: int) -> Row:
    """The sums that follow from an object's rows; nothing for an object without rows."""
    own = rows_of(store, table, row_id)
    if not own:
        return {}
    total = sum(row["PRICE"] * row["QUANTITY"] for row in own)
    tax = sum((row["PRICE"] - row["PRICE_EXCLUSIVE"]) * row["QUANTITY"] for row in own)
    return {"OPPORTUNITY": _rounded(total, 2), "TAX_VALUE": _rounded(tax, 2)}


def _rounded(value: float, digits: int = 8) -> float:
    return round(value, digits) if abs(value) < 1e15 else value
