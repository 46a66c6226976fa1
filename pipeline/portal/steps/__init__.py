"""What a request does, step by step: calls, upserts, reconciles, and settling what nobody knows the outcome of."""
