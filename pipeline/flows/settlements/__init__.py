"""Mutual settlements: events.settlement -> plans (docs/flows.md)."""
