"""Kill tests: real brokers, a simulated portal, real workers that are killed, frozen and cut off.

`python -m tests.chaos.kill` (requests) and `python -m tests.chaos.table` (a table) are the full forms, `make kill-test`
runs both; test_kill_short.py and test_table_short.py are the short ones.
"""
