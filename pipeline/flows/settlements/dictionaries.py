"""Words of the sender -> values of the portal, by the dictionaries of mapping.toml; every unknown word is listed."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary

from pipeline.delivery.errors import BadInput
from pipeline.flows.mapping.model import Mapping
from pipeline.flows.messages.faults import shown

__all__ = ["Dictionaries"]

_REFUSED = "dead-letter"


class Dictionaries:
    """Look-ups of one settlement. After the last one `check` raises what is wrong with all of them."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._faults: list[str] = []

    def stage(self, status: str | None, path: str) -> str | None:
        """STAGE_ID of a deal; None when the message says no status."""
        deal = self._mapping.deal
        return self._word(status, path, deal.stages, deal.unknown_status, "deal.stages")

    def order_status(self, status: str | None, path: str) -> str | None:
        """statusId of an order."""
        order = self._mapping.order
        return self._word(status, path, order.statuses, order.unknown_status, "order.statuses")

    def shipment_status(self, status: str | None, path: str) -> str | None:
        """statusId of a shipment."""
        shipment = self._mapping.shipment
        return self._word(status, path, shipment.statuses, shipment.unknown_status, "shipment.statuses")

    def paid(self, status: str | None, path: str) -> bool:
        """Is a payment paid? One that says no status is not."""
        payment = self._mapping.payment
        if status is None:
            return False
        if status in payment.paid:
            return payment.paid[status]
        if payment.unknown_status == _REFUSED:
            self._refuse(status, path, payment.paid, "payment.paid")
        return payment.unknown_status == "paid"

    def user(self, user: str | None) -> int | None:
        """The portal's user by [deal.users]; without a dictionary the portal's own id is meant. None: nobody."""
        if user is None or self._mapping.deal.users:
            return self._mapping.deal.users.get(user or "")
        return int(user) if user.isascii() and user.isdigit() and 0 < len(user) < 10 else None

    def check(self) -> None:
        """Raises BadInput that lists every unknown word."""
        if self._faults:
            raise BadInput("; ".join(dict.fromkeys(self._faults)))

    def _word(self, status: str | None, path: str, known: Dictionary[str, str], unknown: str, table: str) -> str | None:
        if status is None:
            return None
        if status in known:
            return known[status]
        if unknown == _REFUSED:
            self._refuse(status, path, known, table)
            return None
        return unknown

    def _refuse(self, status: str, path: str, known: Dictionary[str, object], table: str) -> None:
        words = ", ".join(known) or "none"
        self._faults.append(f"{path}: {shown(status)} is in no dictionary: [{table}] of mapping.toml knows {words}")
