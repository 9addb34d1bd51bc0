"""Read what is sent to the API, up to a bound that a long job script fits in."""

import json

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import FormParser, JSONParser

# A character takes up to 12 bytes as JSON (two times \uXXXX) and as a form (four times %XX).
BYTES_PER_CHARACTER = 12
OTHER_BYTES = 4096


class TooLarge(APIException):
    """More was sent than the longest script needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "This is more than a job script may have."
    default_code = "too_large"


def bounded(stream):
    """Return all bytes of a stream. Raises TooLarge."""
    most_bytes = settings.PORTAL.limits.script_characters * BYTES_PER_CHARACTER + OTHER_BYTES
    content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise TooLarge
    return content


def refuse_constant(name):
    """Raise ValueError for NaN and Infinity, which are no JSON."""
    raise ValueError(f"{name} is no number")


class BoundedJSONParser(JSONParser):
    """JSON in UTF-8."""

    def parse(self, stream, media_type=None, parser_context=None):
        """Return what the JSON holds. Raises ParseError or TooLarge."""
        content = bounded(stream)
        try:
            return json.loads(content.decode("utf-8"), parse_constant=refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"This is no JSON: {str(error)[:100]}") from None


class BoundedFormParser(FormParser):
    """What a form sends, in UTF-8."""

    def parse(self, stream, media_type=None, parser_context=None):
        """Return the QueryDict. Raises ParseError or TooLarge."""
        try:
            return QueryDict(bounded(stream), encoding="utf-8")
        except (SuspiciousOperation, ValueError):
            raise ParseError("This is no form.") from None
