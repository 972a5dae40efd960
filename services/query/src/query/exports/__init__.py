"""Exports: made, listed, downloaded and browsed."""
