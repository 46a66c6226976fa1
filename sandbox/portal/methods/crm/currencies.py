"""`crm.currency.list`: the portal's currencies; filter, select and paging are not taken (its page says so)."""

from collections.abc import Iterator

from sandbox.portal.methods.spec import Call, Method, Reply
from sandbox.portal.portal import Portal

_CURRENCIES = (("RUB", "Y", "1.0000", "100"), ("USD", "N", "90.0000", "200"), ("EUR", "N", "98.0000", "300"))


def methods() -> Iterator[Method]:
    """The methods of this file."""
    yield Method("crm.currency.list", _list, scope="crm", result="rows")


async def _list(portal: Portal, call: Call) -> Reply:
    rows = [
        {"CURRENCY": code, "AMOUNT_CNT": "1", "AMOUNT": amount, "SORT": sort, "BASE": base, "FULL_NAME": code}
        | {"LID": "ru", "FORMAT_STRING": "#", "DEC_POINT": ".", "THOUSANDS_SEP": " ", "DECIMALS": "2"}
        for code, base, amount, sort in _CURRENCIES
    ]
    return Reply(rows, len(rows))
