"""The graph of the memory of jobs, in bytes: the metrics of slurm-job-exporter."""

from django.utils.translation import gettext

from userportal.graphs.drawing import MOST_SERIES, Graph, Layer, highest_of
from userportal.jobstats.fitting import fitted
from userportal.jobstats.job_graphs import of_jobs
from userportal.metrics.expression import any_of, total
from userportal.units import GIBIBYTE

MEMORY, LIMIT = "slurm_job_memory_", "limit"
MEMORY_KINDS = (
    "usage",
    "limit",
    "max",
    "cache",
    "rss",
    "rss_huge",
    "mapped_file",
    "active_file",
    "inactive_file",
    "unevictable",
)


def memory_names():
    """Return how each kind of memory is called, in the reader's language."""
    return dict(
        zip(
            MEMORY_KINDS,
            (
                gettext("Used"),
                gettext("Allocated"),
                gettext("Maximum used"),
                gettext("Cache"),
                gettext("RSS"),
                gettext("RSS huge pages"),
                gettext("Mapped files"),
                gettext("Active files"),
                gettext("Inactive files"),
                gettext("Unevictable"),
            ),
        )
    )


def mem(context):
    """Memory: bytes, one series a kind; of several jobs what each uses, and the sum of limits."""
    if context.is_set:
        return mem_of_set(context)
    names = memory_names()
    many = len(MEMORY_KINDS) * context.places
    if many <= MOST_SERIES:
        kinds = of_jobs(context, any_of(f"{MEMORY}{kind}" for kind in MEMORY_KINDS))
        layers = [Layer(kinds, context.named(lambda labels: names[kind_of(labels)]),
                        divisor=GIBIBYTE)]  # fmt: skip
        highest = highest_of(0, GIBIBYTE, lambda labels: kind_of(labels) == LIMIT)
    else:
        layers = [
            fitted(context, of_jobs(context, f"{MEMORY}{kind}"), names[kind], many,
                   len(MEMORY_KINDS), divisor=GIBIBYTE)
            for kind in MEMORY_KINDS
        ]  # fmt: skip
        highest = highest_of(MEMORY_KINDS.index(LIMIT), GIBIBYTE)
    return Graph(gettext("Memory"), tuple(layers), gettext("GiB"), highest, True)


def kind_of(labels):
    """Return which of MEMORY_KINDS a series is."""
    return labels["__name__"].removeprefix(MEMORY)


def mem_of_set(context):
    """Return the graph of the memory of several jobs."""
    used = total(of_jobs(context, f"{MEMORY}usage"), by=("slurmjobid",))
    limit = total(of_jobs(context, f"{MEMORY}{LIMIT}"))
    layers = (
        fitted(context, used, "", len(context.jobs), is_stacked=True, divisor=GIBIBYTE),
        Layer(limit, gettext("Allocated"), divisor=GIBIBYTE),
    )
    return Graph(gettext("Memory"), layers, gettext("GiB"), highest_of(1, GIBIBYTE), True)
