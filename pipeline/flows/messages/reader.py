"""Reading an object of a message key by key: every fault is written down with its wire path, and reading goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, TypeVar

from pipeline.flows.messages.faults import Faults, Unfit, shown
from pipeline.flows.messages.moments import to_moment
from pipeline.flows.messages.values import LONGEST, is_nothing, to_body, to_flag, to_id, to_line, to_number

__all__ = ["Reader", "items", "same"]

T = TypeVar("T")
Row = tuple[str, Any]


def same(one: Any, other: Any) -> bool:
    """Whether two values of JSON say the same; 5 and "5" do."""
    if isinstance(one, str | int) and isinstance(other, str | int):
        return str(one) == str(other)
    try:
        return bool(one == other)
    except RecursionError:
        return False


def items(value: Any, path: str, single: Iterable[str]) -> list[Row]:
    """The items of a list with their paths, however PHP wrote it. Raises Unfit.

    A list; an object whose keys are places (`{"0": ..}`, with gaps or not) or names of objects; one item without a list
    around it, known by one of the keys in `single`. Nothing (also `{}`) is an empty list; `null` in it is left out.
    """
    if isinstance(value, list):
        return [(f"{path}[{place}]", item) for place, item in enumerate(value) if item is not None]
    if is_nothing(value):
        return []
    if not isinstance(value, dict):
        raise Unfit("is no list")
    if any(key in value for key in single):
        return [(path, value)]
    if all(key.isdigit() for key in value) or all(isinstance(item, dict | list | None) for item in value.values()):
        return [(f"{path}.{key[:40]}", item) for key, item in value.items() if item is not None]
    return [(path, value)]


class Reader:
    """One object of a message. A method takes the keys of one thing: its name, and how older senders spell it."""

    __slots__ = ("data", "faults", "path", "zone")

    def __init__(self, data: dict[str, Any], path: str, faults: Faults, zone: tzinfo) -> None:
        self.data = data
        self.path = path
        self.faults = faults
        self.zone = zone

    def at(self, key: str) -> str:
        """The path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def take(self, keys: tuple[str, ...]) -> tuple[str, Any]:
        """The key that is given, and its value. Two spellings that say different things are a fault."""
        given = [key for key in keys if not is_nothing(self.data.get(key))]
        if not given:
            return next((key for key in keys if key in self.data), keys[0]), None
        first = self.data[given[0]]
        for other in given[1:]:
            if not same(first, self.data[other]):
                self.faults.note(f"{self.at(other)} differs from {given[0]}: expected one of them, or the same in both")
        return given[0], first

    def has(self, *keys: str) -> bool:
        """Whether one of the keys is there, whatever it says: `[]`, `""` and `null` say that there is nothing."""
        return any(key in self.data for key in keys)

    def read(self, convert: Callable[[Any], T | None], keys: tuple[str, ...]) -> T | None:
        """The value of a key as `convert` makes it; a fault gives None."""
        if len(keys) == 1:
            key = keys[0]
            value = self.data.get(key)
        else:
            key, value = self.take(keys)
        if value is None:
            return None
        try:
            return convert(value)
        except Unfit as error:
            self.faults.value(self.at(key), value, str(error))
            return None

    def line(self, *keys: str) -> str | None:
        """A text of one line."""
        if len(keys) == 1:
            value = self.data.get(keys[0])
            # most values by far: a third of a product's time
            if isinstance(value, str) and len(value) <= LONGEST and value.isprintable():
                return value.strip() or None
        return self.read(to_line, keys)

    def body(self, *keys: str) -> str | None:
        """A text of several lines."""
        return self.read(to_body, keys)

    def id(self, *keys: str) -> str | None:
        """An id."""
        return self.read(to_id, keys)

    def reference(self, *keys: str) -> str | None:
        """An id of somebody or something else: 0 is nobody, and an object is known by its XML_ID."""
        key, value = self.take(keys)
        if isinstance(value, dict) and "XML_ID" in value:
            return self.nested(key, value).id("XML_ID")
        found = self.read(to_id, (key,))
        return None if found == "0" else found

    def xml_id(self, key: str = "XML_ID") -> str:
        """The object's id, which must be there. 0 is nobody's: all that came with it would become one object."""
        found = self._needed(to_id, key, "a text or a number", "")
        if found == "0":
            self.faults.value(self.at(key), self.data[key], "is no id of an object")
        return found

    def name(self, key: str = "NAME") -> str:
        """A text that must be there."""
        return self._needed(to_line, key, "a text", "")

    def _needed(self, convert: Callable[[Any], T | None], key: str, expected: str, default: T) -> T:
        value = self.data.get(key)
        if is_nothing(value):
            self.faults.missing(self.at(key), expected)
            return default
        try:
            found = convert(value)
        except Unfit as error:
            self.faults.value(self.at(key), value, str(error))
            return default
        if found is None:
            self.faults.missing(self.at(key), expected)
            return default
        return found

    def number(self, *keys: str) -> Decimal | None:
        """A number of any sign."""
        return self.read(to_number, keys)

    def amount(self, key: str, *, negative: bool = False) -> Decimal:
        """A number whose key must be there; nothing in it is 0, which 1C prints so."""
        if key not in self.data:
            self.faults.missing(self.at(key), "a number")
            return Decimal(0)
        found = self.number(key) or Decimal(0)
        if found < 0 and not negative:
            self.faults.value(self.at(key), self.data[key], "is below 0")
        return found

    def flag(self, key: str, default: bool) -> bool:
        """Yes or no."""
        if key not in self.data:
            return default
        found = self.read(to_flag, (key,))
        return default if found is None else found

    def moment(self, *keys: str) -> datetime | None:
        """A moment."""
        return self.read(lambda value: to_moment(value, self.zone), keys)

    def latest(self, *keys: str) -> datetime | None:
        """The latest of several moments."""
        found = [moment for key in keys if (moment := self.moment(key)) is not None]
        return max(found, default=None)

    def nested(self, key: str, data: dict[str, Any]) -> Reader:
        """The object under a key."""
        return Reader(data, self.at(key), self.faults, self.zone)

    def objects(self, *keys: str, single: tuple[str, ...] = ("XML_ID",)) -> list[Reader]:
        """The objects of a list, see `items`; what is no object is a fault (an empty list is PHP's empty object)."""
        key, value = self.take(keys)
        if not self.faults.fits(self.at(key), value):
            return []
        try:
            rows = items(value, self.at(key), single)
        except Unfit as error:
            self.faults.value(self.at(key), value, f"{error}: expected a list of objects")
            return []
        found = []
        for path, item in rows:
            if isinstance(item, dict) or item == []:
                found.append(Reader(item or {}, path, self.faults, self.zone))
            else:
                self.faults.note(f"{path}: {shown(item)} is no object")
        return found

    def others(self, known: frozenset[str]) -> dict[str, Any]:
        """What the message has beyond the known keys, as it came."""
        return {key: value for key, value in self.data.items() if key not in known}
