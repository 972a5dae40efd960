"""Columns of values as text and as Parquet."""
