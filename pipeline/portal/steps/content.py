"""Hashes of content: what was given to the portal is remembered by them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["content_hash"]


def content_hash(content: Mapping[str, Any]) -> str:
    """The same for the same content, whatever the order of its names; 32 hexadecimal digits."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
