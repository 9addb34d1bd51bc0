"""The differences between SQLite, MySQL/MariaDB and PostgreSQL, one module each."""

from importlib import import_module

BACKENDS = ("sqlite", "mysql", "postgresql")


def load_dialect(backend):
    """Return the Dialect for one of BACKENDS; its driver is imported only now."""
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}")
    return import_module(f"usagedb.dialects.{backend}").DIALECT
