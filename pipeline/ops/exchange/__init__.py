"""`faust -A pipeline exchange`: queues of the site are drained by command, and what became of each item is told."""
