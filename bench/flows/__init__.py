"""Benchmarks of the flows: how fast events become plans, and settlements beside the portal's limit."""
