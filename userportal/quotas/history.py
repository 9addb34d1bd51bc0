"""What a place had in the last months: its graph, with the quota as a line."""

from django.utils.translation import gettext

from userportal.graphs.drawing import Graph, Layer, never
from userportal.storage.places import is_gpfs, quota_expression, used_expression
from userportal.units import GIBIBYTE

HISTORY_SECONDS = 90 * 86400


def history(place, unit):
    """Return the Graph of what a place had, from 0 to the quota or what was used, and the quota.

    Without a point of what was used nothing is drawn: a quota alone is no history.
    """
    is_bytes = unit == "bytes"
    divisor = GIBIBYTE if is_bytes else 1
    layers = [Layer(used_expression(place, unit), gettext("Used"), divisor=divisor)]
    if is_gpfs(place):
        layers.append(Layer(quota_expression(place, unit), "", keep=never))
    known = place.quota_bytes if is_bytes else place.quota_files

    def quota(answers):
        measured = [one.last() for answer in answers[1:] for one in answer]
        return ((measured[0] if measured and measured[0] else known) or 0) / divisor

    def lines(answers):
        return ((gettext("Quota"), quota(answers)),) if answers[0] and quota(answers) else ()

    def maximum(answers):
        used = max((one.maximum() or 0 for one in answers[0]), default=0) / divisor
        return max(used, quota(answers)) or None

    title = gettext("Size") if is_bytes else gettext("Files")
    return Graph(title, tuple(layers), gettext("GiB") if is_bytes else "", maximum, lines=lines)
