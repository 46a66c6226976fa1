"""Which request goes next, and sending it."""
