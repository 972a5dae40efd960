"""Publish audit events to Daybook.

Importing this package opens nothing and reads no environment.
"""
