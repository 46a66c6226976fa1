"""Fields: what one is (`model.py`), how PHP casts (`casts.py`), how each type keeps and shows values (`kinds.py`)."""

from sandbox.portal.fields.casts import integer
from sandbox.portal.fields.kinds import TYPES, FieldType
from sandbox.portal.fields.model import Field

__all__ = ["TYPES", "Field", "FieldType", "integer"]
