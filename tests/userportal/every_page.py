"""All addresses of the portal, each with arguments that name something of the made-up cluster."""

import re

from django.urls import URLPattern, URLResolver, get_resolver

# Django's own: its admin has its own guard, which is tested as a whole.
FOREIGN = ("admin/",)


def patterns(resolver=None, prefix=""):
    """Yield (route, view) of all addresses."""
    for one in (resolver or get_resolver()).url_patterns:
        route = prefix + str(one.pattern)
        if route.startswith(FOREIGN):
            continue
        if isinstance(one, URLResolver):
            yield from patterns(one, route)
        elif isinstance(one, URLPattern):
            yield route, one.callback


def filled(route, arguments):
    """Return the path of a route with its arguments; raises KeyError for one that is not there."""
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(arguments[found.group(1)]), route)
    return "/" + re.sub(r"\\Z|[$^]|\\(?=[./-])", "", path)
