"""Show times in the reader's own zone, which a script of the page tells in a cookie."""

import re
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

COOKIE = "portal_zone"
ZONE_NAME = re.compile(r"[A-Za-z0-9_+\-]{1,32}(/[A-Za-z0-9_+\-]{1,32}){0,2}")


class ReaderZone:
    """Middleware that makes the reader's zone the current one, by default the portal's."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with timezone.override(reader_zone(request)):
            return self.get_response(request)


def reader_zone(request):
    """Return the ZoneInfo of a request."""
    name = request.COOKIES.get(COOKIE, "")
    if ZONE_NAME.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            pass
    return ZoneInfo(settings.PORTAL.portal.time_zone)
