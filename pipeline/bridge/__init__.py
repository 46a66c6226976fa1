"""RabbitMQ <-> Kafka, both ways (design, section 4)."""
