"""What a site and 1C publish: wire formats, read leniently, checked strictly (docs/messages.md)."""
