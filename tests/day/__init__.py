"""A day's end, computed from its messages alone: what portal and index must hold, and whether they do.

`model.py` says what the messages mean, `portal.py` and `index.py` read what is there, `compare.py` names every
difference. Nothing here knows the pipeline: its own words would prove its own mistakes right.
"""
