"""Pages of 50: rows in order, the count of all, where the next page begins."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice
from typing import Any

from sandbox.portal.errors import RestError
from sandbox.portal.listing.plan import Plan, make_plan
from sandbox.portal.listing.rules import OLD, Rules, invalid_direction, not_allowed
from sandbox.portal.php import as_map
from sandbox.portal.store import Row, Table, fold

PAGE = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Up to 50 rows; `next` is absent on the last page and with `start=-1`, where `total` is 0."""

    rows: list[Row]
    total: int
    next: int | None


def find(table: Table, conditions: Any, order: Any, start: int, zone: tzinfo, rules: Rules = OLD) -> Page:
    """One page of the rows that meet `conditions` (`{"<prefix>FIELD": value}`), in `order`.

    Raises `RestError` 400 when one of them is no array, or names what the rules do not allow.
    """
    plan = make_plan(table, array("filter", conditions, rules), rules, zone)
    keys = _keys(table, array("order", order, rules), rules)
    way = _by_id(table, keys)
    if way is not None and (start < 0 or not plan.tests):
        return _straight(plan, start, descending=way == "DESC")
    found = list(_passing(plan, descending=False))
    for name, direction in reversed(keys):
        # Stable passes from the last key to the first; empty values stand first when ascending.
        found.sort(key=_sort_key(name), reverse=direction == "DESC")
    if start < 0:
        return Page(found[:PAGE], 0, None)
    return _page(found, start)


def array(name: str, value: Any, rules: Rules = OLD) -> dict[str, Any]:
    """The parameter as a map; empty for what is not given. Raises `RestError` for a scalar."""
    if value is None or value == "":
        return {}
    found = as_map(value)
    if found is None:
        raise RestError(rules.wrong_array(name))
    return found


def _straight(plan: Plan, start: int, *, descending: bool) -> Page:
    """By id: nothing to sort, and without tests nothing to look at but the page itself."""
    if start < 0:
        return Page(list(islice(_passing(plan, descending=descending), PAGE)), 0, None)
    total = plan.high - plan.low if plan.ids is None else sum(1 for _ in plan.candidates())
    first = start // PAGE * PAGE
    ids = islice(plan.candidates(descending=descending), first, first + PAGE)
    rows = [plan.table.rows[row_id] for row_id in ids]
    return Page(rows, max(total, 0), first + PAGE if first + PAGE < total else None)


def _page(found: list[Row], start: int) -> Page:
    first = start // PAGE * PAGE
    following = first + PAGE
    return Page(found[first:following], len(found), following if following < len(found) else None)


def _passing(plan: Plan, *, descending: bool) -> Iterator[Row]:
    for row_id in plan.candidates(descending=descending):
        row = plan.table.rows[row_id]
        if all(test(row) for test in plan.tests):
            yield row


def _keys(table: Table, order: dict[str, Any], rules: Rules) -> list[tuple[str, str]]:
    keys = []
    for given, value in order.items():
        name = rules.resolve(table, given)
        if name is None:
            if rules.strict:
                raise RestError(not_allowed("order", given))
            continue
        direction = str(value).upper()
        if rules.strict and direction not in ("ASC", "DESC"):
            raise RestError(invalid_direction(given, value))
        keys.append((name, "DESC" if direction == "DESC" else "ASC"))
    return keys


def _by_id(table: Table, keys: list[tuple[str, str]]) -> str | None:
    """The direction when the id alone decides the order, else None."""
    if not keys:
        return "ASC"
    name, way = keys[0]
    return way if name == table.key else None


def _sort_key(name: str) -> Callable[[Row], tuple[int, Any]]:
    def key(row: Row) -> tuple[int, Any]:
        value = row.get(name)
        if value is None or isinstance(value, dict | list):
            return (0, 0)
        # Numbers and texts cannot be compared; a user field may hold both.
        return (2, fold(value)) if isinstance(value, str) else (1, value)

    return key
