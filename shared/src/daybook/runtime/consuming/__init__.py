"""Consuming from Kafka so that nothing is lost and nothing holds the rest up."""
