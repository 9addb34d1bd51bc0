"""Answer the address of a graph with the JSON that the page's script draws."""

import json
import math
import zlib

from django.http import HttpResponse
from django.utils.cache import patch_vary_headers

FLOAT = "%.5g"  # finer than a screen's points
LEAST_COMPRESSED_BYTES = 1000
FASTEST = 1  # level of zlib: the higher ones take three times as long for a third less
GZIP = 16 + zlib.MAX_WBITS


class GraphResponse(HttpResponse):
    """The answer for a graph."""


class CompressedGraphs:
    """Middleware that compresses graphs, of which a large one has megabytes, and nothing else.

    In compressed answers the length can betray a secret that stands beside what a stranger sends:
    graphs hold no secret, pages have one in their forms.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if isinstance(response, GraphResponse):
            patch_vary_headers(response, ["Accept-Encoding"])
            if accepts_gzip(request) and len(response.content) >= LEAST_COMPRESSED_BYTES:
                compress(response)
        return response


def accepts_gzip(request):
    """Tell whether a browser takes compressed answers; one that grades them does not count."""
    words = request.META.get("HTTP_ACCEPT_ENCODING", "").lower().split(",")
    return "gzip" in [word.strip() for word in words]


def compress(response):
    """Compress the content of an answer."""
    packer = zlib.compressobj(FASTEST, wbits=GZIP)
    response.content = packer.compress(response.content) + packer.flush()
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(response.content))


def graph_response(figure):
    """Return the answer for a Figure of userportal.metrics, or for its JSON as a dictionary."""
    content = figure if isinstance(figure, dict) else figure.as_dict()
    return GraphResponse(figure_json(content), content_type="application/json")


def figure_json(figure):
    """Return a figure as JSON, the heights of its points rounded.

    Most series have the same times, in one list: its text is made once.
    """
    texts: dict = {}  # id of a list of times -> its JSON
    traces = ",".join(trace_json(trace, texts) for trace in figure["data"])
    others = to_json({name: value for name, value in figure.items() if name != "data"})
    return f'{{"data":[{traces}]{"," if others != "{}" else ""}{others[1:]}'


def trace_json(trace, texts):
    """Return one series as JSON; texts as in figure_json, added to."""
    parts = []
    for name, value in trace.items():
        if name == "x":
            text = texts.get(id(value)) or texts.setdefault(id(value), to_json(value))
        else:
            text = heights_json(value) if name == "y" else to_json(value)
        parts.append(f"{to_json(name)}:{text}")
    return f"{{{','.join(parts)}}}"


def heights_json(heights):
    """Return a list as JSON, its floats rounded; other values as to_json."""
    if set(map(type, heights)) == {float} and all(map(math.isfinite, heights)):
        return f"[{','.join([FLOAT] * len(heights)) % tuple(heights)}]"
    return to_json([rounded(one) for one in heights])


def rounded(height):
    """Return a float as it is written here; anything else as it is."""
    return float(FLOAT % height) if isinstance(height, float) else height


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
