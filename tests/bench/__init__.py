"""Benchmarks: how fast the loaders and reports are, beside the tool that sites use today."""
