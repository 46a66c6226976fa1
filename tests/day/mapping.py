"""The mapping of the sample day. Every value that the model uses is written out in it, so that it knows no defaults."""

from __future__ import annotations

import tomllib
from typing import Any

from sandbox.site.mapping import MAPPING_FILE

__all__ = ["MAPPING", "MAPPING_TOML"]

MAPPING_TOML = MAPPING_FILE.read_text()
MAPPING: dict[str, Any] = tomllib.loads(MAPPING_TOML)
