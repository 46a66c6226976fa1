"""Users become companies; each field from the newest event that carries it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.day.state import Company
from tests.day.wire import identity

__all__ = ["company_of", "email_key", "phone_key"]


def phone_key(text: str) -> str:
    """The last ten digits: +7 and 8 are the same country."""
    return re.sub(r"\D", "", text)[-10:]


def email_key(text: str) -> str:
    """An address of mail, whatever its case."""
    return text.strip().casefold()


def company_of(key: str, events: Sequence[dict[str, Any]], mapping: dict[str, Any]) -> Company:
    """The company of these events, the newest last."""

    def newest(name: str) -> str:
        return next((str(body[name]) for body in reversed(events) if body.get(name)), "")

    phones = {phone_key(body["PERSONAL_PHONE"]) for body in events if body.get("PERSONAL_PHONE")}
    emails = {email_key(body["EMAIL"]) for body in events if body.get("EMAIL")}
    phone, email = newest("PERSONAL_PHONE"), newest("EMAIL")
    name = newest("NAME")
    inn = newest("INN")
    return Company(
        title=mapping["title"].replace("{NAME}", name) if name else mapping["stub_title"].replace("{XML_ID}", key),
        phones=frozenset({phone_key(phone)} if phone else ()),
        emails=frozenset({email_key(email)} if email else ()),
        may=frozenset(phones | emails) if mapping["keep_contacts"] else frozenset(),
        address=newest("UF_PHYSICAL_ADDRESS"),
        fields={field: newest(name) for name, field in mapping["fields"].items()},
        requisite=(identity(inn), newest("KPP"), newest("OGRN")) if inn else None,
    )
