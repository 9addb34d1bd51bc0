"""Bound how often one user asks one part of the API."""

import time

from django.core.cache import cache
from rest_framework.throttling import BaseThrottle

WINDOW_SECONDS = 60
# Of one user, in a window, and in each process of the web server. Clients that have always sent
# scripts lose those that are refused: after an outage they send all at once.
MOST = {"jobscripts": 20_000, "jobs": 3_000, "notes": 600, "": 600}


class UserThrottle(BaseThrottle):
    """Counts in windows of fixed length; by the scope of the view."""

    def allow_request(self, request, view):
        """Tell whether the request may go on."""
        scope = view.required_scope
        window = int(time.time() // WINDOW_SECONDS)
        key = f"api-throttle:{scope}:{request.user.pk}:{window}"
        cache.add(key, 0, 2 * WINDOW_SECONDS)
        try:
            return cache.incr(key) <= MOST[scope]
        except ValueError:  # it was dropped from a full cache just now
            return True

    def wait(self):
        """Return the seconds until the next window."""
        return WINDOW_SECONDS - time.time() % WINDOW_SECONDS
