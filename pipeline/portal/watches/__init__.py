"""Plans that are run again when something that they did not find appears (docs/plans.md, Finding, waiting, watching).

watch.py    a watch, as it stands in the table `watches`
ending.py   which watch a plan that ends leaves behind
index.py    in memory: who waits for an object
waking.py   sends the records of plans that are to be run again
watches.py  all of them, for the gateway
"""
