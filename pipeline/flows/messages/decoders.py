"""Bytes of a message -> its model, or BadInput that lists every fault with its wire path (docs/messages.md)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pipeline.delivery.errors import BadInput
from pipeline.delivery.flow import as_json
from pipeline.flows.messages.faults import Faults, shown
from pipeline.flows.messages.model import Product, Section, Settlement, User
from pipeline.flows.messages.reader import Reader
from pipeline.flows.messages.wire_product import read_product
from pipeline.flows.messages.wire_section import read_section
from pipeline.flows.messages.wire_settlement import KEYS as APPLICATION_KEYS
from pipeline.flows.messages.wire_settlement import read_settlement
from pipeline.flows.messages.wire_user import read_user

__all__ = ["Decoders", "decode_product", "decode_section", "decode_settlement", "decode_user"]

T = TypeVar("T")

_BOM = b"\xef\xbb\xbf"


class Decoders:
    """The four decoders; `zone` is of moments that come without one (mapping.toml, [portal] timezone)."""

    def __init__(self, zone: tzinfo | str = "Europe/Moscow") -> None:
        self.zone = ZoneInfo(zone) if isinstance(zone, str) else zone

    def user(self, raw: bytes) -> User:
        """events.user. Raises BadInput."""
        return self._decode(read_user, raw)

    def product(self, raw: bytes) -> Product:
        """events.product. Raises BadInput."""
        return self._decode(read_product, raw)

    def section(self, raw: bytes) -> Section:
        """events.section. Raises BadInput."""
        return self._decode(read_section, raw)

    def settlement(self, raw: bytes) -> Settlement:
        """events.settlement: `{"<type>": application}` or an application. Raises BadInput; paths begin within it."""
        kind, application = application_of(_json(raw))
        return self._read(lambda reader: read_settlement(reader, kind), application)

    def _decode(self, read: Callable[[Reader], T], raw: bytes) -> T:
        value = _json(raw)
        if not isinstance(value, dict):
            raise BadInput(f"message: {shown(value)} is no object")
        return self._read(read, value)

    def _read(self, read: Callable[[Reader], T], value: dict[str, Any]) -> T:
        faults = Faults()
        found = read(Reader(value, "", faults, self.zone))
        faults.check()
        return found


def _json(raw: bytes) -> Any:
    text = raw.removeprefix(_BOM)
    if not text.strip():
        raise BadInput("no JSON: the body is empty")
    try:
        return as_json(text)
    except BadInput:
        _check_encoding(raw)
        raise


def _check_encoding(raw: bytes) -> None:
    """Raises BadInput, which names the byte: JSON is UTF-8, and what a decoder says of other text leads nowhere."""
    try:
        raw.decode()
    except UnicodeDecodeError as fault:
        place = f"byte {fault.start} of {len(raw)} is {raw[fault.start]:#04x}"
        raise BadInput(f"no JSON: it is not UTF-8: {place}") from None


def application_of(value: Any) -> tuple[str, dict[str, Any]]:
    """The key of the envelope ("" without one) and the application in it. Raises BadInput unless there is just one."""
    if isinstance(value, dict) and not APPLICATION_KEYS.isdisjoint(value):
        return "", value
    if isinstance(value, dict | list):
        rows = value.items() if isinstance(value, dict) else enumerate(value)
        found = [(str(kind), item) for kind, item in rows if isinstance(item, dict) and item]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInput(f"message has {len(found)} applications: expected one, or at most 10000 to be taken apart")
    raise BadInput(f'message: {shown(value)} has no application: expected {{"<type>": {{"XML_ID": ..}}}}')


_default = Decoders()
decode_user = _default.user
decode_product = _default.product
decode_section = _default.section
decode_settlement = _default.settlement
