"""Webhooks: endpoints that people make, what was sent to them, and what is asked of it.

Nothing here knows of HTTP: the API and the pages call the same functions.
"""
