"""Sample data: companies, contacts, deals with rows and leads, the same at every start."""

import random
from typing import Any

from sandbox.portal.methods.spec import Call
from sandbox.portal.options import DEFAULT_CREDENTIAL
from sandbox.portal.portal import Portal

SIZES = {"small": 20, "medium": 500, "large": 3000}
"""Objects of each kind, by name of a set."""

_FIRST = ("Anna", "Boris", "Vera", "Gleb", "Daria", "Egor", "Zoya", "Ivan", "Kira", "Lev")
_LAST = ("Antonov", "Belov", "Volkov", "Gromov", "Danilov", "Egorov", "Zhukov", "Ivanov", "Kozlov", "Lebedev")
_TRADE = ("Steel", "Paper", "Coffee", "Timber", "Glass", "Textile", "Pumps", "Cables", "Paint", "Tools")
_WORD = ("delivery", "subscription", "service", "spare parts", "installation", "consulting")
_STAGES = ("NEW", "PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "FINAL_INVOICE", "WON", "LOSE")
_STATUSES = ("NEW", "IN_PROCESS", "PROCESSED", "JUNK")


async def fill(portal: Portal, count: int) -> None:
    """Add `count` companies, contacts, deals and leads, by the portal's own methods, outside of limits and logs."""
    for number in range(1, count + 1):
        # A generator of its own for each number: 20 objects are the first 20 of 3,000.
        dice = random.Random(number)
        company = await _run(portal, "crm.company.add", fields=_company(number, dice))
        contact = await _run(portal, "crm.contact.add", fields=_contact(number, dice, company))
        deal = await _run(portal, "crm.deal.add", fields=_deal(number, dice, company, contact))
        await _run(portal, "crm.deal.productrows.set", id=deal, rows=_rows(dice))
        await _run(portal, "crm.lead.add", fields=_lead(number, dice))


async def _run(portal: Portal, method: str, **params: Any) -> Any:
    found = portal.methods.get(method)
    if found is None:
        return None
    reply = await found.run(portal, Call(method, params, DEFAULT_CREDENTIAL, "sample", 0))
    return reply.result


def _company(number: int, dice: random.Random) -> dict[str, Any]:
    return {
        "TITLE": f"{dice.choice(_TRADE)} company {number}",
        "COMPANY_TYPE": dice.choice(("CUSTOMER", "SUPPLIER", "PARTNER")),
        "PHONE": [{"VALUE": _phone(number), "VALUE_TYPE": "WORK"}],
        "EMAIL": [{"VALUE": f"company{number}@example.com", "VALUE_TYPE": "WORK"}],
        "REVENUE": dice.randrange(1, 500) * 1000,
        **_origin("company", number),
    }


def _contact(number: int, dice: random.Random, company: Any) -> dict[str, Any]:
    return {
        "NAME": dice.choice(_FIRST),
        "LAST_NAME": dice.choice(_LAST),
        "PHONE": [{"VALUE": _phone(500_000 + number), "VALUE_TYPE": "MOBILE"}],
        "EMAIL": [{"VALUE": f"contact{number}@example.com", "VALUE_TYPE": "WORK"}],
        "COMPANY_ID": company,
        **_origin("contact", number),
    }


def _deal(number: int, dice: random.Random, company: Any, contact: Any) -> dict[str, Any]:
    return {
        "TITLE": f"{dice.choice(_TRADE)} {dice.choice(_WORD)} {number}",
        "STAGE_ID": dice.choice(_STAGES),
        "CURRENCY_ID": "RUB",
        "OPPORTUNITY": dice.randrange(1, 900) * 100,
        "COMPANY_ID": company,
        "CONTACT_ID": contact,
        **_origin("deal", number),
    }


def _rows(dice: random.Random) -> list[dict[str, Any]]:
    return [
        {"PRODUCT_NAME": f"{dice.choice(_TRADE)} {position}", "PRICE": dice.randrange(1, 90) * 10, "QUANTITY": position}
        for position in range(1, dice.randrange(2, 5))
    ]


def _lead(number: int, dice: random.Random) -> dict[str, Any]:
    return {
        "TITLE": f"Request {number}: {dice.choice(_WORD)}",
        "NAME": dice.choice(_FIRST),
        "STATUS_ID": dice.choice(_STATUSES),
        "PHONE": [{"VALUE": _phone(700_000 + number), "VALUE_TYPE": "WORK"}],
        **_origin("lead", number),
    }


def _phone(number: int) -> str:
    return f"+7900{number:07d}"


def _origin(kind: str, number: int) -> dict[str, str]:
    return {"ORIGINATOR_ID": "sample", "ORIGIN_ID": f"{kind}-{number}"}
