"""Put the series of large jobs together by node, or of all nodes, before they are asked for.

A graph of a thousand cores is as much to send as a film, and shows as little as one that blinks.
"""

from django.utils.translation import gettext

from userportal.graphs.drawing import MOST_SERIES, Layer
from userportal.metrics.expression import mean, total


def fitted(context, expression, title, series, kinds=1, by=(), is_mean=False, **look):
    """Return the Layer of an expression of the jobs of a JobContext, with a bounded answer.

    series is how many it has in the jobs together, kinds how many are left on a node of a job
    after the sum (or the mean) by its own labels `by`. title as in JobContext.named; what stands
    for several series says so in its name. look: the other fields of the Layer.
    """
    if series <= MOST_SERIES:
        return Layer(expression, context.named(title), **look)
    labels, what = together(context, kinds, is_mean)
    aggregate = mean if is_mean else total
    folded = aggregate(expression, by=(*labels, *by))
    return Layer(folded, context.named(with_word(title, what)), **look)


def together(context, kinds, is_mean):
    """Return (labels, what one series stands for) of the finest sums that fit into a graph."""
    job = ("slurmjobid",) if context.is_set else ()
    choices = (
        (
            max(context.places, len(context.jobs)) * kinds,
            (*job, context.host_label),
            words(is_mean)[0],
        ),
        (len(context.jobs) * kinds, job, words(is_mean)[1]),
    )
    for many, labels, what in choices:
        if many <= MOST_SERIES:
            return labels, what
    return (), words(is_mean)[2]


def words(is_mean):
    """Return how the sum (or the mean) of a node, of all nodes, and of all jobs is called."""
    if is_mean:
        return gettext("mean"), gettext("mean of all nodes"), gettext("mean of all jobs")
    return gettext("sum"), gettext("sum of all nodes"), gettext("sum of all jobs")


def with_word(title, what):
    """Return a function that names a series by its title and what it stands for."""

    def name(labels):
        words_of_title = title if isinstance(title, str) else title(labels)
        return f"{words_of_title} ({what})".strip()

    return name
