"""Users of the site: full at first, then only what was changed, as Bitrix' own events have it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from sandbox.site import words
from sandbox.site.clock import Clock, Sender, changes_of
from sandbox.site.forms import identity, nothing
from sandbox.site.message import Message
from sandbox.site.sizes import Sizes

__all__ = ["EXCHANGE", "user_id", "user_messages"]

EXCHANGE = "users"
_PHONES = ("+7 (495) {a:03}-{b:02}-{c:02}", "8495{a:03}{b:02}{c:02}", "+7495{a:03}{b:02}{c:02}")


def user_id(number: int) -> str:
    """XML_ID of a user; every third one is made of digits."""
    return str(500_000 + number) if number % 3 == 0 else f"USR-{number:05}"


def user_messages(dice: random.Random, sizes: Sizes, clock: Clock) -> Iterator[Message]:
    """All messages of all users, user by user."""
    for number in range(sizes.users):
        key = user_id(number)
        sender = Sender(dice, sizes, EXCHANGE, f"user:{key}")
        for turn, at in enumerate(clock.times(dice, "user", changes_of(dice, sizes))):
            fields = _full(dice, number, key) if turn == 0 and dice.random() < 0.8 else _part(dice, number, turn)
            yield sender.message({**fields, "XML_ID": identity(dice, key)}, at)


def _full(dice: random.Random, number: int, key: str) -> dict[str, Any]:
    body = {"NAME": _name(dice, number), "LOGIN": f"login{number}", **_contacts(dice, number, 0)}
    body["UF_PHYSICAL_ADDRESS"] = _address(dice) if dice.random() < 0.7 else nothing(dice)
    if dice.random() < 0.3:
        body["UF_SALE_SPOT_PARENT"] = user_id(dice.randrange(number + 1))
    if dice.random() < 0.4:
        body |= _requisites(dice, number)
    if dice.random() < 0.2:
        body |= {"WORK_COMPANY": "", "UF_SOMETHING_NEW": [1, {"deep": True}]}
    return body


def _part(dice: random.Random, number: int, turn: int) -> dict[str, Any]:
    """What one event of a change carries; the rest is not there, or empty."""
    parts: tuple[dict[str, Any], ...] = (
        {"NAME": _name(dice, number)},
        _contacts(dice, number, turn),
        {"UF_PHYSICAL_ADDRESS": _address(dice)},
        {"LOGIN": f"login{number}-{turn}"},
        {"NAME": _name(dice, number), "EMAIL": nothing(dice), "PERSONAL_PHONE": nothing(dice)},
    )
    return dice.choice(parts) | (dice.choice(parts) if dice.random() < 0.3 else {})


def _name(dice: random.Random, number: int) -> str:
    return dice.choice(words.FORMS).format(f"{dice.choice(words.COMPANIES)} {number}-{dice.randrange(100)}")


def _contacts(dice: random.Random, number: int, turn: int) -> dict[str, Any]:
    parts = {"a": number % 1000, "b": number // 1000 % 100, "c": turn}
    phone = dice.choice(_PHONES).format(**parts)
    contacts = {"PERSONAL_PHONE": phone, "EMAIL": f"user{number}.{turn}@example.com"}
    return contacts if dice.random() < 0.7 else {"PERSONAL_PHONE": phone}


def _address(dice: random.Random) -> str:
    return f"{dice.choice(words.CITIES)}, ул. {dice.choice(words.STREETS)}, д. {dice.randrange(1, 200)}"


def _requisites(dice: random.Random, number: int) -> dict[str, Any]:
    """INN, KPP and OGRN always come together."""
    inn = f"{7_700_000_000 + number}"
    return {"INN": identity(dice, inn), "KPP": "770101001", "OGRN": identity(dice, f"{1_027_700_000_000 + number}")}
