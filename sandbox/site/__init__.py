"""A site and its 1C: the messages of one day, in their wire format (docs/sandbox-site.md)."""
