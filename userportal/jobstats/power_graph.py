"""The graph of the power of a job, by node."""

from django.utils.translation import gettext

from userportal.graphs.drawing import MOST_SERIES, Graph, Layer
from userportal.jobfacts.collect import power_expression
from userportal.jobfacts.energy import NODE
from userportal.metrics.expression import total


def power(context):
    """Watts that are the job's part of each node's."""
    watts = power_expression(context.configuration, context.jobs, context.username)
    if context.places <= MOST_SERIES:
        layer = Layer(watts, lambda labels: labels.get(NODE, ""), is_stacked=True)
    else:
        layer = Layer(total(watts), gettext("sum of all nodes"), is_stacked=True)
    return Graph(gettext("Power"), (layer,), "W", is_of_job=True)
