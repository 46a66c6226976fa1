"""Documents into Elasticsearch: the index, the sink, and filling an index anew (docs/search.md)."""
