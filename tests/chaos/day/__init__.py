"""The kill test of a whole day: users, products, sections and settlements, from RabbitMQ to portal and index."""
