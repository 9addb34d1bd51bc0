"""Tell an expected failure, such as a database that is away, as a page or as JSON, not as a bug."""

import logging

from django.http import JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.roles import person_of
from userportal.web.errors import wants_json

logger = logging.getLogger(__name__)

STATUSES = {errors.UsageError: 400, errors.MissingInputError: 503, errors.RefusedError: 503,
            errors.ConfigurationError: 503, errors.UnavailableError: 503}  # fmt: skip


class ToldFailures:
    """Middleware for errors of usagedb.errors that a view did not tell by itself.

    The log says all; the reader only that a source does not answer: its text may name hosts.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, error):
        """Return the answer for an expected error; None, for Django to handle, for others."""
        if not isinstance(error, errors.UsageDBError):
            return None
        logger.warning("%s: %s", request.path, error)
        status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)
        text = reader_text(request, error)
        if wants_json(request):
            return JsonResponse({"error": text}, status=status)
        return render(request, "web/failure.html", {"text": text}, status=status)


def reader_text(request, error):
    """Return what the reader is told; staff see the whole of it."""
    if isinstance(error, errors.UsageError) or person_of(request).is_staff:
        return str(error)
    if isinstance(error, errors.ConfigurationError):
        return gettext("What this page shows is not set up here.")
    return gettext("What this page shows cannot be reached now. Please try again later.")
