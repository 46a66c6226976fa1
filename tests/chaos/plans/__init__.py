"""The kill test of the portal gateway, counted by external id in the simulated portals.

`python -m tests.chaos.plans --help`. What is sent: material.py and the kinds beside it (adds, upserts, chains, seeded);
what is done to the workers: phases.py, faults.py; what is counted at the end: objects.py, verdict.py.
"""
