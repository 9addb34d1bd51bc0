"""What all views of the API share: JSON in and out, who is let in, how failures are told.

Pages to browse the API are left out: their scripts are none that the security policy allows.
"""

import logging

from rest_framework import negotiation, renderers
from rest_framework.exceptions import ParseError, Throttled
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from usagedb import errors
from userportal.access.roles import person_of
from userportal.access.tokens import HasScope
from userportal.api.parsers import BoundedFormParser, BoundedJSONParser
from userportal.api.permissions import IsKnown, IsStaff
from userportal.api.throttle import UserThrottle
from userportal.web.failures import STATUSES, reader_text
from userportal.web.slots import RETRY_SECONDS, SLOTS

logger = logging.getLogger(__name__)

FORMAT = "format"  # the parameter that names a renderer


class Negotiation(negotiation.DefaultContentNegotiation):
    """Tells a format that there is not, as every other wrong parameter."""

    def filter_renderers(self, renderers, format):
        """Return the renderers of a format. Raises ParseError."""
        found = [one for one in renderers if one.format == format]
        if not found:
            raise ParseError(f"format: one of {', '.join(one.format for one in renderers)}")
        return found


class ApiView(APIView):
    """A view of the API; `required_scope` is that of its tokens."""

    renderer_classes = [renderers.JSONRenderer]
    parser_classes = [BoundedJSONParser, BoundedFormParser]
    permission_classes = [IsKnown, HasScope]
    throttle_classes = [UserThrottle]
    content_negotiation_class = Negotiation
    required_scope = ""
    # Beside FORMAT; others are refused, so that a slip does not pass for an answer.
    parameters: tuple = ()

    def initial(self, request, *arguments, **named):
        """Refuse what is refused before the view is asked."""
        super().initial(request, *arguments, **named)
        self.check_parameters(request)

    def check_parameters(self, request):
        """Raise ParseError for a parameter that there is not, or that has a NUL."""
        for name, value in request.query_params.items():
            if name != FORMAT and name not in self.parameters:
                raise ParseError(f"there is no parameter {name[:40]!r}")
            if "\0" in value:
                raise ParseError(f"{name}: not a text")

    def get_exception_handler(self):
        """Return what tells failures."""
        return told_failure


class AskingView(ApiView):
    """A view that asks the sources: of one reader only so many at once, as of pages."""

    def initial(self, request, *arguments, **named):
        """Take a slot of who asks. Raises Throttled."""
        super().initial(request, *arguments, **named)
        reader = person_of(request).username
        if not SLOTS.take(reader):
            raise Throttled(RETRY_SECONDS)
        self.reader = reader

    def dispatch(self, request, *arguments, **named):
        """Answer, and give the slot back."""
        self.reader = None
        try:
            return super().dispatch(request, *arguments, **named)
        finally:
            if self.reader is not None:
                SLOTS.give_back(self.reader)


class StaffView(ApiView):
    """A view of the staff."""

    permission_classes = [IsStaff, HasScope]
    parameters = ("page",)


def told_failure(error, context):
    """Return the answer for an error that is expected; None, which makes it a 500, for others."""
    if not isinstance(error, errors.UsageDBError):
        return exception_handler(error, context)
    request = context["request"]
    logger.warning("%s: %s", request.path, error)
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)
    return Response({"detail": reader_text(request, error)}, status=status)
