"""Credentials of portals: names, seals, keys."""
