"""What a client sees of a row: the old view (strings, upper case) and the typed one."""

from sandbox.portal.views.old import old_view
from sandbox.portal.views.typed import item_view, plain_view

__all__ = ["item_view", "old_view", "plain_view"]
