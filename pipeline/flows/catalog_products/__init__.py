"""Products of the site's catalogue: events.product -> plans (docs/flows.md)."""
