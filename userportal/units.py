"""Multiples of a byte: what sizes in bytes are divided by to be shown."""

MEBIBYTE = 2**20
GIBIBYTE = 2**30
