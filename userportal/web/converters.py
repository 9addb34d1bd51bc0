"""Converters of URL arguments: <name:username>, <jobset:job_id>, <node:node>.

What they let through is still hostile: it is looked up, never pasted into a query.
"""

import functools

from django.urls import register_converter

from userportal.access.names import NAME


class NameConverter:
    """A user, an account, a project: no slash, no leading dot or hyphen, at most 64 characters."""

    regex = NAME.pattern

    def to_python(self, value):
        """Return the name as it stands in the URL."""
        return value

    def to_url(self, value):
        """Return the name for a URL."""
        return str(value)


class JobSetConverter(NameConverter):
    """Jobs by number: 107, or 100-105,107. How many that are, the view looks at.

    300 parts, with the address of a graph behind them, are what a line of a request may have.
    """

    regex = r"[0-9]{1,10}(?:-[0-9]{1,10})?(?:,[0-9]{1,10}(?:-[0-9]{1,10})?){0,299}"


class NodeConverter(NameConverter):
    """The name of a machine, at most 253 characters (RFC 1035)."""

    regex = r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,252}"


CONVERTERS = {"name": NameConverter, "jobset": JobSetConverter, "node": NodeConverter}


@functools.lru_cache(maxsize=1)
def register_converters():
    """Make the converters known to Django, once."""
    for name, kind in CONVERTERS.items():
        register_converter(kind, name)
