"""The mapping: which ids, stages and fields of a portal stand for what of a site and 1C (docs/mapping.md)."""
