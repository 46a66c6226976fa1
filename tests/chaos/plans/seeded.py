"""Updates, deletes and reads of objects that were there before."""

from __future__ import annotations

from typing import Any

from tests.chaos.plans.case import Case, Place
from tests.chaos.plans.maker import Maker
from tests.chaos.plans.objects import SMART, Objects, marker_of

__all__ = [
    "make_deal_delete",
    "make_deal_update",
    "make_get",
    "make_item_delete",
    "make_item_update",
    "make_list",
    "make_phone",
    "make_updates_in_a_row",
]

_IN_A_ROW = 3


def make_deal_update(maker: Maker, portal: str) -> list[Case]:
    """A new title for a deal."""
    message_id, deal = maker.new_id(), maker.seed(portal, "deal").id
    title = f"updated {message_id}"
    params = {"ID": deal, "fields": {"TITLE": title}}
    return [maker.call(message_id, portal, "update", "crm.deal.update", params, _holds("deal", deal, title))]


def make_updates_in_a_row(maker: Maker, portal: str) -> list[Case]:
    """Several titles for a deal, in one lane: the last one stays."""
    deal = maker.seed(portal, "deal").id
    way = maker.dice.choice(("bulk", "interactive"))
    ids = [maker.new_id() for _ in range(_IN_A_ROW)]
    return [
        maker.call(
            message_id,
            portal,
            "update in a row",
            "crm.deal.update",
            {"ID": deal, "fields": {"TITLE": f"updated {message_id}"}},
            _holds("deal", deal, f"updated {ids[-1]}"),
            way=way,
        )
        for message_id in ids
    ]


def make_item_update(maker: Maker, portal: str) -> list[Case]:
    """A new title for an item of the smart process."""
    message_id, item = maker.new_id(), maker.seed(portal, "item").id
    title = f"updated {message_id}"
    params = {"entityTypeId": SMART, "id": item, "fields": {"title": title}}
    return [maker.call(message_id, portal, "update", "crm.item.update", params, _holds("item", item, title))]


def make_phone(maker: Maker, portal: str) -> list[Case]:
    """One more phone for a contact: an update that appends, so a second execution makes a double."""
    message_id, contact = maker.new_id(), maker.seed(portal, "contact").id
    phone = f"+{message_id}"
    params = {"ID": contact, "fields": {"PHONE": [{"VALUE": phone, "VALUE_TYPE": "WORK"}]}}

    def check(result: Any, objects: Objects) -> str | None:
        if result is not True:
            return "the answer is not true"
        return None if objects.one("phone", "marker", phone) else "the phone is not in the portal"

    places = (Place("phone", "marker", phone),)
    return [maker.call(message_id, portal, "phone", "crm.contact.update", params, check, places=places)]


def make_deal_delete(maker: Maker, portal: str) -> list[Case]:
    """A deal goes."""
    message_id, deal = maker.new_id(), maker.seed(portal, "deal").id
    return [maker.call(message_id, portal, "delete", "crm.deal.delete", {"ID": deal}, _gone("deal", deal, True))]


def make_item_delete(maker: Maker, portal: str) -> list[Case]:
    """An item of the smart process goes."""
    message_id, item = maker.new_id(), maker.seed(portal, "item").id
    params = {"entityTypeId": SMART, "id": item}
    return [maker.call(message_id, portal, "delete", "crm.item.delete", params, _gone("item", item, []))]


def make_get(maker: Maker, portal: str) -> list[Case]:
    """A deal is read by its id."""
    message_id, deal = maker.new_id(), maker.seed(portal, "deal")

    def check(result: Any, objects: Objects) -> str | None:
        return None if (result["ID"], result["TITLE"]) == (str(deal.id), deal.marker) else "it is another deal"

    return [maker.call(message_id, portal, "get", "crm.deal.get", {"ID": deal.id}, check)]


def make_list(maker: Maker, portal: str) -> list[Case]:
    """A company is found by its title."""
    message_id, company = maker.new_id(), maker.seed(portal, "company")
    params = {"filter": {"=TITLE": company.marker}, "select": ["ID", "TITLE"]}

    def check(result: Any, objects: Objects) -> str | None:
        return None if [row["ID"] for row in result] == [str(company.id)] else "it lists something else"

    return [maker.call(message_id, portal, "list", "crm.company.list", params, check)]


def _holds(entity: str, number: int, title: str) -> Any:
    def check(result: Any, objects: Objects) -> str | None:
        done = result["item"]["id"] == number if entity == "item" else result is True
        row = objects.rows[entity].get(str(number))
        if not done or row is None:
            return f"the answer is no success, or {entity} {number} is not there"
        return None if marker_of(row) == title else f"{entity} {number} holds {marker_of(row)!r}, not {title!r}"

    return check


def _gone(entity: str, number: int, answer: Any) -> Any:
    def check(result: Any, objects: Objects) -> str | None:
        if result != answer:
            return f"the answer is {result!r}, not {answer!r}"
        return f"{entity} {number} is still there" if str(number) in objects.rows[entity] else None

    return check
