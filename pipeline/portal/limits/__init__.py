"""How fast a portal may be called: intensity, operating time, pauses."""
