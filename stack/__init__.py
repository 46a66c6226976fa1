"""Local Kafka, RabbitMQ, portal simulator and workers, run as ordinary processes, without Docker."""
