"""Business rules: what an event of a site or of 1C means for a portal and for the search index. One rule a file."""
