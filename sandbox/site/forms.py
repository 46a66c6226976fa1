"""The same thing as different senders write it: PHP, 1C, older modules (facts: the wire format of the original)."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from zoneinfo import ZoneInfo

__all__ = ["ZONE", "amount", "date", "flag", "identity", "moment", "nothing"]

ZONE = ZoneInfo("Europe/Moscow")
"""Of the site: dates that name no zone are in this one."""

_GROUPS = ("\u00a0", "\u202f", " ")


def moment(dice: random.Random, at: datetime) -> str:
    """A date with its time to the second."""
    local = at.astimezone(ZONE)
    return dice.choice(
        (
            f"{local:%d.%m.%Y %H:%M:%S}",
            f"{local:%d.%m.%Y} {local.hour}:{local:%M:%S}",
            f"{local:%Y-%m-%d %H:%M:%S}",
            f"{local:%Y-%m-%dT%H:%M:%S}",
            local.isoformat(timespec="seconds"),
            f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            f"@{int(at.timestamp())}",
            format_datetime(local),
        )
    )


def date(dice: random.Random, at: datetime) -> str:
    """A date, often without seconds or without a time."""
    local = at.astimezone(ZONE)
    short = (
        f"{local:%d.%m.%Y}",
        f"{local:%Y-%m-%d}",
        f"{local:%Y%m%d}",
        f"{local:%d.%m.%Y} {local.hour}:{local:%M}",
    )
    return dice.choice(short) if dice.random() < 0.4 else moment(dice, at)


def amount(dice: random.Random, value: Decimal) -> int | float | str:
    """A sum or a quantity."""
    plain = f"{value:f}"
    whole, _, part = plain.partition(".")
    forms: list[int | float | str] = [plain, float(value), f"{value:.4f}", plain.replace(".", ",")]
    if value == value.to_integral_value():
        forms.append(int(value))
    if len(whole) > 3:
        group = dice.choice(_GROUPS)
        forms.append(f"{int(whole):,}".replace(",", group) + (f",{part}" if part else ""))
    return dice.choice(forms)


def identity(dice: random.Random, value: str) -> int | str:
    """An id: digits alone also come as a number."""
    return int(value) if value.isdigit() and not value.startswith("0") and dice.random() < 0.5 else value


def flag(dice: random.Random, on: bool) -> int | str:
    """Yes or no as payments say it."""
    return dice.choice(("Y", "1", 1)) if on else dice.choice(("N", "0", 0))


def nothing(dice: random.Random) -> str | None:
    """Nothing, as PHP (null) and 1C (an empty text) say it."""
    return dice.choice(("", None))
