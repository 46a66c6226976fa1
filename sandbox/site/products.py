"""Products with brands, sections, collections, prices and properties; every message carries the whole product."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sandbox.site import words
from sandbox.site.clock import Clock, Sender, changes_of
from sandbox.site.forms import amount, identity, nothing
from sandbox.site.message import Message
from sandbox.site.sections import section_id, site_number
from sandbox.site.sizes import Sizes

__all__ = ["EXCHANGE", "leaves", "product_id", "product_messages"]

EXCHANGE = "products"


def product_id(number: int) -> str:
    """XML_ID; every fourth one is made of digits."""
    return str(70_000 + number) if number % 4 == 0 else f"{number:08x}-1c01-11e9-b1c1-00155d0a0001"


def leaves(number: int) -> bool:
    """Is it a product that may be deactivated during the day? One of ten."""
    return number % 10 == 7


def product_messages(dice: random.Random, sizes: Sizes, clock: Clock) -> Iterator[Message]:
    """All messages of all products, product by product."""
    for number in range(sizes.products):
        key = product_id(number)
        sender = Sender(dice, sizes, EXCHANGE, f"product:{key}")
        product = _Product(dice, number, sizes)
        for turn, at in enumerate(clock.times(dice, "product", changes_of(dice, sizes))):
            if turn:
                product.change()
            yield sender.message(product.body(), at, f"property.brand.{product.brand[0]}")


class _Product:
    """One product through the day. What its first message has, the others have too, be it empty."""

    def __init__(self, dice: random.Random, number: int, sizes: Sizes) -> None:
        self._dice = dice
        self._number = number
        self._sections = sizes.sections
        self.brand = dice.choice(words.BRANDS)
        self.name = self._name()
        self.section = dice.randrange(sizes.sections) if sizes.sections and dice.random() < 0.9 else None
        self.price: Decimal | None = self._price() if dice.random() < 0.9 else None
        self.collection: str | None = dice.choice(words.COLLECTIONS)
        self.active = True
        self.colors = dice.sample(words.COLORS, dice.randint(1, 3))
        self.weight: Decimal | None = Decimal(dice.randrange(1, 5000)) / 100
        self.sizes = [f"{dice.randrange(10, 90)} мм" for _ in range(dice.randint(1, 3))]
        self.note = dice.choice(words.KINDS)
        self.detail = dice.random() < 0.5

    def _name(self) -> str:
        dice = self._dice
        # some names are the same for several products: their codes must differ all the same
        tail = "" if self._number % 15 == 0 else f" арт. {self._number}"
        return f"{dice.choice(words.NOUNS)} {dice.choice(words.KINDS)}{tail}"

    def _price(self) -> Decimal:
        return Decimal(self._dice.randrange(100, 9_000_000)) / 100

    def change(self) -> None:
        """Something happens to it."""
        dice = self._dice
        what = dice.choice(("name", "section", "brand", "price", "properties", "active", "nothing"))
        if what == "name":
            self.name = self._name()
        elif what == "section" and self.section is not None:
            self.section = dice.randrange(self._sections)
        elif what == "brand":
            self.brand = dice.choice(words.BRANDS)
        elif what == "price" and self.price is not None:
            self.price = self._price()
        elif what == "active" and leaves(self._number):
            self.active = not self.active
        elif what == "properties":
            self.colors = dice.sample(words.COLORS, dice.randint(1, 3))
            self.weight = None if dice.random() < 0.3 else Decimal(dice.randrange(1, 5000)) / 100
            self.collection = dice.choice(words.COLLECTIONS)

    def body(self) -> dict[str, Any]:
        """The message's JSON."""
        dice = self._dice
        number = self._number
        body: dict[str, Any] = {
            "ID": identity(dice, str(4000 + number)),
            "IBLOCK_ID": identity(dice, "5"),
            "XML_ID": identity(dice, product_id(number)),
            "NAME": self.name,
            "ACTIVE": "Y" if self.active else "N",
            "PREVIEW_TEXT": f"{self.name}, кратко",
            "PREVIEW_TEXT_TYPE": "text",
            "DETAIL_TEXT": f"<p>{self.name}: {self.note} &amp; прочее</p>" if self.detail else nothing(dice),
            "DETAIL_TEXT_TYPE": "html",
            "PROPERTY_VALUES": self._properties(),
        }
        if self.section is not None:
            body |= self._section(self.section)
        if self.price is not None:
            body["PRICES"] = self._prices(self.price)
        if dice.random() < 0.2:
            body |= {"RESULT": identity(dice, str(4000 + number)), "TAGS": "", "WF": {"STATUS": 1}}
        return body

    def _section(self, section: int) -> dict[str, Any]:
        dice = self._dice
        number = identity(dice, site_number(section))
        by_xml_id = {"SECTION_XML_ID": identity(dice, section_id(section))}
        return dice.choice(({"IBLOCK_SECTION_ID": number}, {"IBLOCK_SECTION": [number]}, by_xml_id))

    def _prices(self, price: Decimal) -> list[Any] | dict[str, Any]:
        """`.PRICE.PRICE` of items, the first one that is not empty counts; or prices by their types."""
        dice = self._dice
        if self._number % 5 == 2:
            return {"BASE": amount(dice, price), "WHOLESALE": {"PRICE": amount(dice, price * 2), "CURRENCY": "RUB"}}
        item = {"PRICE": {"PRICE": amount(dice, price), "CURRENCY": "RUB"}}
        return dice.choice(([item], {"0": item}, [{"PRICE": {"PRICE": "", "CURRENCY": "RUB"}}, item]))

    def _properties(self) -> dict[str, Any]:
        dice = self._dice
        colors = [{"XML_ID": identity(dice, xml_id), "VALUE": text} for xml_id, text in self.colors]
        xml_id, text = self.brand
        properties = {
            "BRAND": _property("Бренд", "BRAND", "L", {"XML_ID": identity(dice, xml_id), "VALUE": text}),
            "COLLECTION": _property("Коллекция", "COLLECTION", "S", self.collection or nothing(dice)),
            "SNTINVEST_ARTICUL": _property("Артикул", "SNTINVEST_ARTICUL", "S", f"SI-{self._number:05}"),
            "FAC_ARTICUL": _property("Артикул завода", "FAC_ARTICUL", "S", f"{self._number:04}-{self._number % 7}/A"),
            "COLOR": _property("Цвет", "COLOR", "L", colors if len(colors) > 1 else colors[0], MULTIPLE="Y"),
            "WEIGHT": _property("Вес", "WEIGHT", "N", "" if self.weight is None else amount(dice, self.weight)),
            "SIZES": _property("Размеры", "SIZES", "S", list(self.sizes), MULTIPLE="Y"),
            "ANALOGUE": _property("Аналог", "ANALOGUE", "E", str(4000 + self._number // 2)),
        }
        if dice.random() < 0.5:
            # older senders leave out what has a default
            for name in ("LIST_TYPE", "IS_REQUIRED"):
                properties["COLLECTION"].pop(name)
        return properties


def _property(name: str, code: str, kind: str, value: Any, **more: str) -> dict[str, Any]:
    return {
        "NAME": name,
        "ACTIVE": "Y",
        "CODE": code,
        "PROPERTY_TYPE": kind,
        "LIST_TYPE": "L",
        "MULTIPLE": "N",
        "IS_REQUIRED": "N",
        "VALUE": value,
        **more,
    }
