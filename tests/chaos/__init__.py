"""Kill tests: real brokers, a simulated portal, real workers that are killed, frozen and cut off.

`python -m tests.chaos.kill` (requests), `python -m tests.chaos.table` (a table) and `python -m tests.chaos.plans` (the
portal gateway) are the full forms, `make kill-test` runs them all; the files test_*_short.py are the short ones.
"""
