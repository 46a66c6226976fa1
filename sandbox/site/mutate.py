"""Breaks messages: takes real ones and makes of each something that no sender should send.

Some results are still good messages (a date in another form, a text where a number was): what came of each must be an
effect or a dead letter, nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from sandbox.site.message import Message

__all__ = ["MUTATIONS", "Mutated", "mutated"]

_Place = tuple[str | int, ...]
_WRONG_VALUES: tuple[Any, ...] = (None, True, False, -1, 1.5, "", "  ", "abc", [], {}, [[]], [None], {"A": {"B": []}})
_WRONG_DATES = ("31.02.2026", "2026-13-45", "вчера", "0000-00-00 00:00:00", "99999999999999", "+1 day", "@1e99")
_WRONG_NUMBERS = ("1,5 шт", "1.2.3", "-5", "1e400", "NaN", "0x10", "12 34", "９９", "−7")
_DATES = ("DATE_CREATE", "DATE_UPDATE", "TIMESTAMP_X", "DATE_PAY", "DATE_PAY_BEFORE")
_NUMBERS = ("QUANTITY", "PRICE", "SUM", "CACHBACK", "CASHBACK", "SORT", "DELEVERY", "DELIVERY")
_DEEP = 2000


@dataclass(frozen=True, slots=True)
class Mutated:
    """`what` names the mutation and the place; `message.wrong` is the same text, and `keys` are those of the source."""

    message: Message
    what: str


def mutated(messages: Sequence[Message], count: int, seed: int = 1) -> Iterator[Mutated]:
    """`count` broken messages, mutations in turn; the same seed makes the same. Empty when there are no messages.

    Sources that are wrong already are left out.
    """
    dice = random.Random(f"{seed} mutations")
    messages = [one for one in messages if not one.wrong]
    names = list(MUTATIONS)
    for number in range(count if messages else 0):
        name = names[number % len(names)]
        source = dice.choice(messages)
        body, where = MUTATIONS[name](dice, source.body)
        what = f"{name} at {where}" if where else name
        yield Mutated(replace(source, body=body, message_id=f"mutated-{number}", wrong=what), what)


def _places(value: Any, at: _Place = ()) -> Iterator[tuple[_Place, Any]]:
    """All values of a body with their places, without the whole."""
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for name, item in items:
        yield (*at, name), item
        yield from _places(item, (*at, name))


def _put(whole: Any, place: _Place, value: Any) -> None:
    for name in place[:-1]:
        whole = whole[name]
    whole[place[-1]] = value


def _path(place: _Place) -> str:
    text = ""
    for name in place:
        text += f"[{name}]" if isinstance(name, int) else f".{name}" if text else name
    return text


_Mutation = Callable[[random.Random, bytes], tuple[bytes, str]]


def _changing(choose: Callable[[_Place, Any], bool], make: Callable[[random.Random, Any], Any]) -> _Mutation:
    """Another value at a place that fits; any place when none does."""

    def mutate(dice: random.Random, body: bytes) -> tuple[bytes, str]:
        whole = orjson.loads(body)
        every = list(_places(whole))
        place, value = dice.choice([item for item in every if choose(*item)] or every)
        _put(whole, place, make(dice, value))
        return _written(whole), _path(place)

    return mutate


def _written(whole: Any) -> bytes:
    return orjson.dumps(whole, option=orjson.OPT_NON_STR_KEYS)


def _any(place: _Place, value: Any) -> bool:
    return True


def _named(names: Iterable[str]) -> Callable[[_Place, Any], bool]:
    known = frozenset(names)
    return lambda place, value: place[-1] in known


def _without(dice: random.Random, body: bytes) -> tuple[bytes, str]:
    whole = orjson.loads(body)
    place, _ = dice.choice([item for item in _places(whole) if isinstance(item[0][-1], str)])
    owner = whole
    for name in place[:-1]:
        owner = owner[name]
    del owner[place[-1]]
    return _written(whole), _path(place)


def _cut(dice: random.Random, body: bytes) -> tuple[bytes, str]:
    place = dice.randrange(len(body))
    return body[:place], f"byte {place}"


def _bytes(change: Callable[[random.Random, bytes], bytes]) -> _Mutation:
    return lambda dice, body: (change(dice, body), "")


def _other_encoding(dice: random.Random, body: bytes) -> bytes:
    name = dice.choice(("cp1251", "utf-16", "utf-8-sig", "cp866", "koi8-r"))
    return body.decode().encode(name, errors="replace")


def _broken_byte(dice: random.Random, body: bytes) -> bytes:
    place = dice.randrange(len(body))
    return body[:place] + bytes([dice.choice((0x00, 0xFF, 0xC3, 0x80))]) + body[place:]


def _twice(dice: random.Random, value: Any) -> Any:
    """The same things twice in a list: ids are doubled."""
    return value * 2 if isinstance(value, list) else [value, value]


def _list_or_object(dice: random.Random, value: Any) -> Any:
    if isinstance(value, list):
        return {str(place): item for place, item in enumerate(value)}
    return list(value.values()) if isinstance(value, dict) else [value]


def _deep(dice: random.Random, value: Any) -> Any:
    # far fewer than the 254 levels that orjson writes; deeper ones: _too_deep
    for _ in range(100):
        value = [value] if dice.random() < 0.5 else {"A": value}
    return value


def _too_deep(dice: random.Random, body: bytes) -> bytes:
    return b'{"XML_ID":"deep","A":' + b"[" * _DEEP + b"]" * _DEEP + b"}"


def _huge(dice: random.Random, value: Any) -> Any:
    return dice.choice((2**63, -(2**63), 10**18, 1e308, "9" * 400, "1" * 100_000))


def _odd_text(dice: random.Random, value: Any) -> Any:
    texts = (
        "\u0000",
        "\ud7ff\ufffe",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "'; DROP TABLE b_crm--",
        "я" * 5000,
        "$result[0]",
    )
    return dice.choice(texts)


def _is_container(place: _Place, value: Any) -> bool:
    return isinstance(value, list | dict)


MUTATIONS: dict[str, _Mutation] = {
    "another type": _changing(_any, lambda dice, value: dice.choice(_WRONG_VALUES)),
    "key missing": _without,
    "cut": _cut,
    "another encoding": _bytes(_other_encoding),
    "byte put in": _bytes(_broken_byte),
    "huge": _changing(_any, _huge),
    "deep": _changing(_any, _deep),
    "too deep": _bytes(_too_deep),
    "wrong date": _changing(_named(_DATES), lambda dice, value: dice.choice(_WRONG_DATES)),
    "wrong number": _changing(_named(_NUMBERS), lambda dice, value: dice.choice(_WRONG_NUMBERS)),
    "negative": _changing(_named(("QUANTITY", "PRICE", "SUM")), lambda dice, value: -dice.randint(1, 99)),
    "doubled": _changing(_is_container, _twice),
    "list for object": _changing(_is_container, _list_or_object),
    "odd text": _changing(lambda place, value: isinstance(value, str), _odd_text),
    "id gone": _changing(_named(("XML_ID",)), lambda dice, value: dice.choice(("", None, [], 0, "  "))),
    "not JSON": _bytes(
        lambda dice, body: dice.choice((b"", b"null", b"[]", b"42", b'"text"', b"<xml/>", b"{}", b"NaN"))
    ),
    "two bodies": _bytes(lambda dice, body: body + body),
}
"""By name: body -> broken body and the place, "" where there is none."""
