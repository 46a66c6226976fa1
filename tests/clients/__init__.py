"""Known clients against the portal simulator, unchanged but for the address: it must look like a portal to them."""
