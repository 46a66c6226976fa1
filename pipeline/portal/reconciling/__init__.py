"""Rules of `reconcile` steps that the gateway brings (portal/rules.py), one a file."""
