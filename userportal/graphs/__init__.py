"""Graphs as data: what is asked of the metrics, and how it is drawn."""
