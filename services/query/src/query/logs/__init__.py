"""Logs: one document an API request, as the ingest service stores them."""
