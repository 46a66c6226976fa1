"""Filling an index anew beside the one that is searched (docs/search.md, decision 0015).

new index behind <alias>-next -> replay of the log -> carry over -> alias moved -> carry the last ones over
"""
