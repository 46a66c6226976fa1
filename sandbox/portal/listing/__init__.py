"""The list engine: conditions (`tests.py`), which rows to look at (`plan.py`), order and pages (`pages.py`).

Source: bitrix24.md, section 3.2.
"""

from sandbox.portal.listing.pages import PAGE, Page, find
from sandbox.portal.listing.rules import OLD, Rules
from sandbox.portal.listing.select import columns

__all__ = ["OLD", "PAGE", "Page", "Rules", "columns", "find"]
