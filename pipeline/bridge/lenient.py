"""A message whose properties cannot be decoded must not stop its queue.

pamqp 4.0 decodes strictly: a message_id or routing key that is no UTF-8, a header's name likewise, a timestamp in
nanoseconds, an unknown type of field. The error ends the whole connection; RabbitMQ then delivers the same message
again, for ever, and everything behind it waits. Any publisher can send such a message. So: text is decoded with
escapes, a time out of range stays a number, and properties that still cannot be read are left out.
"""

from __future__ import annotations

import logging
import struct
from typing import Any

from pamqp import commands, decode, header

__all__ = ["UNREADABLE", "install_lenient_decoding"]

logger = logging.getLogger(__name__)

#: Name of the header that says that a message came without its properties, because they could not be read.
UNREADABLE = "x-unreadable-properties"

_timestamp = decode.timestamp
_unmarshal = header.ContentHeader.unmarshal


def install_lenient_decoding() -> None:
    """Put the lenient decoders into pamqp, for the process; calling it again changes nothing."""
    tables: dict[str, Any] = decode.METHODS
    tables["shortstr"] = _lenient_short_str
    tables["timestamp"] = _lenient_timestamp
    fields: dict[bytes, Any] = decode.TABLE_MAPPING
    fields[b"T"] = _lenient_timestamp
    header.ContentHeader.unmarshal = _lenient_unmarshal  # type: ignore[method-assign]


def _lenient_short_str(value: bytes) -> tuple[int, str]:
    end = value[0] + 1
    return end, value[1:end].decode("utf-8", "backslashreplace")


def _lenient_timestamp(value: bytes) -> tuple[int, Any]:
    try:
        return _timestamp(value)
    except (ValueError, OverflowError, OSError):
        return 8, struct.unpack(">Q", value[:8])[0]


def _lenient_unmarshal(self: header.ContentHeader, data: bytes) -> None:
    try:
        _unmarshal(self, data)
    except Exception as error:  # whatever a stranger's bytes provoke in the decoder
        # class id, weight, body size, then the properties (AMQP 0-9-1, 4.2.6.1)
        self.class_id, self.weight, self.body_size = struct.unpack(">HHQ", data[:12])
        self.properties = commands.Basic.Properties(headers={UNREADABLE: type(error).__name__})
        logger.warning("a message came whose properties cannot be read: %s", type(error).__name__)
