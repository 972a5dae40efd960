"""The whole of Daybook on one machine: a real Kafka, a real MongoDB, the services."""
