"""Retention tiers at run time: whose is which, and moving from one to another."""
