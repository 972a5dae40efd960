"""Daybook's dashboards and alert rules, made from its list of metrics."""
