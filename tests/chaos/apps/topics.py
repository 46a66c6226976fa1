"""What the counting worker reads and writes."""

from pipeline.topology import Table, Topic

__all__ = ["COUNTS", "COUNT_IN"]

COUNT_IN = Topic("count.in", "key", "Events to be counted.", partitions=4)
COUNTS = Table("counts", "key", "Counts per key.", partitions=4)
