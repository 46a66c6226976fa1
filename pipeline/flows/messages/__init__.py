"""Messages of the site and of 1C: wire formats (docs/messages.md) -> models."""

from pipeline.flows.messages.decoders import (
    Decoders,
    decode_product,
    decode_section,
    decode_settlement,
    decode_user,
)

__all__ = ["Decoders", "decode_product", "decode_section", "decode_settlement", "decode_user"]
