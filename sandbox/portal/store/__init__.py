"""The objects of one portal: tables of typed rows (`table.py`), what every portal has from the start (`seeds.py`)."""

from sandbox.portal.store.store import File, Store
from sandbox.portal.store.table import Row, Table, digits, fold

__all__ = ["File", "Row", "Store", "Table", "digits", "fold"]
