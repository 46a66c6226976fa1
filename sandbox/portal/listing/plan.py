"""Which rows a filter makes the engine look at: by ids and indexes where it can, never all of them without need."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from sandbox.portal.errors import RestError
from sandbox.portal.fields import Field, integer
from sandbox.portal.fields.casts import scalar
from sandbox.portal.listing.rules import Rules, invalid_value, not_allowed
from sandbox.portal.listing.tests import LIKE, RANGES, Test, kept, make_test, split, values
from sandbox.portal.php import as_map
from sandbox.portal.store import Table, fold


@dataclass(slots=True, eq=False)
class Plan:
    """Rows to look at and what they must pass: `ids` (None = all) within positions `low` to `high` of all ids.

    `lookup` is an index that knows them as well, a field and values; it is asked only if it is the narrowest.
    What a `certain` one finds needs no test.
    """

    table: Table
    low: int = 0
    high: int = 0
    ids: list[int] | None = None
    lookup: tuple[str, list[Any]] | None = None
    certain: bool = False
    tests: list[Test] = field(default_factory=list)

    def candidates(self, *, descending: bool = False) -> Iterator[int]:
        """The ids to look at, in order."""
        everything = self.table.ids
        if self.ids is None:
            positions = range(self.low, self.high)
            return (everything[position] for position in (reversed(positions) if descending else positions))
        if self.low >= self.high:
            return iter(())
        first, last = everything[self.low], everything[self.high - 1]
        inside = [row_id for row_id in self.ids if first <= row_id <= last]
        return iter(reversed(inside) if descending else inside)

    def look_up(self) -> None:
        """Ask the index, if there is one to ask."""
        if self.lookup is not None and self.ids is None:
            self.ids = self.table.with_value(*self.lookup)

    def narrow(self, ids: list[int]) -> None:
        """Look only at these of the rows."""
        self.ids = ids if self.ids is None else sorted(set(self.ids) & set(ids))


def make_plan(table: Table, conditions: dict[str, Any], rules: Rules, zone: tzinfo) -> Plan:
    """The plan for all `conditions`; raises `RestError` where the rules are strict."""
    plan = Plan(table, 0, len(table.ids))
    either = rules.logic and str(conditions.get("logic", "")).upper() == "OR"
    parts = [part for key, value in conditions.items() if (part := _part(table, key, value, rules, zone)) is not None]
    if either:
        _join(plan, parts)
        return plan
    for part in parts:
        plan.low, plan.high = max(plan.low, part.low), min(plan.high, part.high)
        if part.ids is not None:
            plan.narrow(part.ids)
    known = _use_index(plan, [part for part in parts if part.lookup is not None])
    plan.tests += [test for part in parts if part not in known for test in part.tests]
    return plan


def _use_index(plan: Plan, parts: list[Plan]) -> list[Plan]:
    """Narrow the plan by the narrowest index; returns the parts that need no test any more."""
    sized = [(plan.table.count(*part.lookup), part) for part in parts if part.lookup is not None]
    # What every row meets is no condition: most products are of one iblock.
    known = [part for size, part in sized if part.certain and size == len(plan.table.ids)]
    useful = [(size, part) for size, part in sized if part not in known]
    size, narrowest = min(useful, key=lambda item: item[0], default=(0, None))
    if narrowest is None or (plan.ids is not None and size >= len(plan.ids)):
        return known
    narrowest.look_up()
    plan.narrow(narrowest.ids or [])
    return [*known, narrowest] if narrowest.certain else known


def _part(table: Table, key: str, value: Any, rules: Rules, zone: tzinfo) -> Plan | None:
    """One condition or nested group; None = left out."""
    if rules.logic:
        if key == "logic":
            return None
        group = as_map(value)
        if group is not None and (key.isdigit() or key == ""):
            return make_plan(table, group, rules, zone)
    prefix, given = split(key)
    name = rules.resolve(table, given)
    known = table.field(name) if name is not None else None
    if name is None or known is None:
        if rules.strict:
            raise RestError(not_allowed("filter", given))
        return None
    if rules.strict and (prefix in RANGES or prefix in LIKE) and isinstance(value, dict | list):
        raise RestError(invalid_value(given))
    return _condition(Plan(table, 0, len(table.ids)), prefix, name, known, value, zone)


def _condition(plan: Plan, prefix: str, name: str, known: Field, value: Any, zone: tzinfo) -> Plan:
    table = plan.table
    exact = prefix in ("", "=", "@")
    if name == table.key and prefix in RANGES and not isinstance(value, list | dict):
        bound = integer(value) or 0
        cut = (bisect_right if prefix in (">", "<=") else bisect_left)(table.ids, bound)
        if prefix[0] == ">":
            plan.low = cut
        else:
            plan.high = cut
        return plan
    if name == table.key and exact:
        wanted = {integer(item) for item in values(value)}
        plan.ids = sorted(item for item in wanted if item in table.rows)
        return plan
    if exact and known.indexed:
        looked_up = [_looked_up(known, item, zone) for item in values(value)]
        if looked_up and not any(item in (None, "", 0) or isinstance(item, dict | list) for item in looked_up):
            # One value twice would count its rows twice.
            plan.lookup = (name, list(dict.fromkeys(fold(item) for item in looked_up)))
            # A phone is known by its digits too, a list by each of its values.
            plan.certain = not known.multiple
    plan.tests.append(make_test(prefix, name, known, value, zone))
    return plan


def _looked_up(known: Field, value: Any, zone: tzinfo) -> Any:
    return scalar(value) if known.type == "crm_multifield" else kept(known, value, zone)


def _join(plan: Plan, parts: list[Plan]) -> None:
    """Any of the parts: the union of their rows if each knows its own, and one test for all of them."""
    if not parts:
        return
    for part in parts:
        part.look_up()
    if all(part.ids is not None for part in parts):
        plan.ids = sorted({row_id for part in parts for row_id in part.candidates()})
    branches = [(_within(part), part.tests) for part in parts]
    plan.tests.append(lambda row: any(inside(row) and all(test(row) for test in tests) for inside, tests in branches))


def _within(part: Plan) -> Test:
    if part.ids is None and part.low == 0 and part.high == len(part.table.ids):
        return lambda row: True
    ids = set(part.candidates())
    key = part.table.key or ""
    return lambda row: row.get(key) in ids
