"""Does a portal hold what is wanted? Portals write numbers, flags and moments in several ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from pipeline.delivery.errors import Permanent

__all__ = ["changed", "checked", "external_rows", "needed", "number_of", "rows_by_id", "same"]

#: the portal's own external ids of objects that came without one (sale.basketitem.add and others)
_PORTALS_OWN = "bx_"


def changed(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the wanted fields that the row does not have so."""
    return {name: value for name, value in wanted.items() if not same(row.get(name), value)}


def same(held: Any, wanted: Any) -> bool:
    """Do two values mean the same? Numbers by value, moments as instants, nothing is an empty text."""
    held, wanted = _plain(held), _plain(wanted)
    if held == wanted:
        return True
    numbers = _number(held), _number(wanted)
    if None not in numbers:
        return numbers[0] == numbers[1]
    moments = _moment(held), _moment(wanted)
    return moments[0] is not None and moments[0] == moments[1]


def rows_by_id(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows that show an id, the oldest first."""
    known = [row for row in rows if isinstance(row, dict) and str(row.get("id", "")).isdigit()]
    return sorted(known, key=lambda row: int(row["id"]))


def external_rows(rows: Iterable[Any]) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Rows by external id, the oldest of doubles, and the other doubles. Rows that have none of ours are left out."""
    found: dict[str, dict[str, Any]] = {}
    doubles = []
    for row in rows_by_id(rows):
        external = str(row.get("xmlId") or "").strip()
        if not external or external.startswith(_PORTALS_OWN):
            continue
        if external in found:
            doubles.append(row)
        else:
            found[external] = row
    return found, doubles


def number_of(row: Mapping[str, Any]) -> int:
    """Id of a row of `rows_by_id`."""
    return int(row["id"])


def checked(rule: str, wanted: Any, *names: str) -> dict[str, Any]:
    """`wanted` of a rule. Raises Permanent when it is no object with these names."""
    if not isinstance(wanted, dict):
        raise Permanent(f"rule {rule}: wanted is no object")
    missing = [name for name in names if name not in wanted]
    if missing:
        raise Permanent(f"rule {rule}: wanted has no {', '.join(missing)}")
    return wanted


def needed(rule: str, what: str, number: Any) -> int:
    """An id that a find has shown. Raises Permanent when it has found nothing."""
    found = int(number)
    if not found:
        raise Permanent(f"rule {rule}: {what} is not there any more; send the message again with --force")
    return found


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    return str(value).strip()


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
