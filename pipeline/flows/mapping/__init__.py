"""The mapping: which ids, stages and fields of a portal stand for what of a site and 1C (docs/mapping.md)."""

from pipeline.flows.mapping.load import MappingError, load
from pipeline.flows.mapping.model import Mapping

__all__ = ["Mapping", "MappingError", "load"]
