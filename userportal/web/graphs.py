"""Answer the address of a graph with the JSON that the page's script draws."""

import json
import math

from django.http import HttpResponse


def graph_response(figure):
    """Return the answer for a Figure of userportal.metrics, or for its JSON as a dictionary."""
    content = figure if isinstance(figure, dict) else figure.as_dict()
    return HttpResponse(to_json(content), content_type="application/json")


def to_json(content):
    """Return JSON that a browser reads: what is not a finite number becomes null."""
    try:
        return json.dumps(content, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(finite(content), allow_nan=False, separators=(",", ":"))


def finite(content):
    """Return a copy of plain data with None for NaN and infinity."""
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    return content
