"""What the jobs of an experiment took: by component, and by the segment of time that they computed.

The jobs have the tags exp_name, exp_component and exp_time. A segment, like 18840101, is its first
day in the model's time.
"""

import logging
import statistics
from typing import NamedTuple

from epmtlite.analysis import univariate
from epmtlite.analysis.detect import common_numbers, is_finite
from epmtlite.analysis.errors import BadArgument
from epmtlite.collect import names

logger = logging.getLogger(__name__)

MARK = "**"  # in the place of each method that calls a value an outlier
FEWEST_VALUES = 4  # among which outliers are looked for
MOST_NAMED = 5  # jobs in a warning


class ExperimentJob(NamedTuple):
    """A job of an experiment."""

    component: str
    segment: str
    jobid: str
    value: float  # of the metric


def experiment_jobs(records, metric):
    """Return the ExperimentJobs of dictionaries of jobs, by component and segment.

    Those that have no such number, as of a failed collection, are left out with a warning. Raises
    BadArgument if none has.
    """
    known, lacking = parted(records, metric)
    if not known:
        there = ", ".join(common_numbers(records))
        raise BadArgument(f"{metric}: no number that these jobs have; all have {there}")
    if lacking:
        logger.warning("%s", left_out_text(lacking, metric))
    found = [
        ExperimentJob(
            record["tags"].get("exp_component", ""), record["tags"].get("exp_time", ""),
            record["jobid"], record[metric],
        )
        for record in known
    ]  # fmt: skip
    return sorted(found)


def parted(records, metric):
    """Return (the dictionaries of jobs that have such a number, the ids of the others)."""
    known = [record for record in records if is_finite(record.get(metric))]
    lacking = [record["jobid"] for record in records if not is_finite(record.get(metric))]
    return known, lacking


def left_out_text(lacking, metric):
    """Return what people are told of jobs that lack a metric, by their ids."""
    return f"left out, for they have no {metric}: {names.some_of(lacking, MOST_NAMED)}"


def top_components(jobs, limit):
    """Return dictionaries of the components with the largest sums, falling: component, sum, percent
    of all, min, max, cv (the deviation over the mean)."""
    values = by(jobs, "component")
    total = sum(job.value for job in jobs)
    rows = [
        {
            "component": component,
            "sum": sum(some),
            "percent": round(100 * sum(some) / total, 1) if total else 0.0,
            "min": min(some),
            "max": max(some),
            "cv": round(variation(some), 4),
        }
        for component, some in values.items()
    ]
    return sorted(rows, key=lambda row: -row["sum"])[:limit]


def by(jobs, key):
    """Return {component or segment: values}."""
    found: dict = {}
    for job in jobs:
        found.setdefault(getattr(job, key), []).append(job.value)
    return found


def variation(values):
    """Return the deviation over the mean, 0 where that is 0."""
    mean = statistics.fmean(values)
    return statistics.pstdev(values) / mean if mean else 0.0


def marks(values, methods):
    """Return of each value what each method says of it: MARK for an outlier, else ''."""
    if len(values) < FEWEST_VALUES:
        return [""] * len(values)
    masks = [univariate.mask(values, method) for method in methods]
    return ["".join(MARK for is_one in found if is_one) for found in zip(*masks)]


def variations(jobs, components, methods):
    """Return dictionaries of the jobs of some components: component, exp_time, jobid, value, and
    what each of the methods says of it."""
    found = []
    for component in components:
        some = [job for job in jobs if job.component == component]
        signs = marks([job.value for job in some], methods)
        found += [
            {
                "component": job.component, "exp_time": job.segment, "jobid": job.jobid,
                "value": job.value, "outlier": sign,
            }
            for job, sign in zip(some, signs)
        ]  # fmt: skip
    return found


def segments(jobs, methods):
    """Return dictionaries of the segments of time: exp_time, jobs, sum, and what each of the
    methods says of it."""
    values = by(jobs, "segment")
    sums = [sum(some) for some in values.values()]
    rows = sorted(zip(values, values.values(), sums, marks(sums, methods)))
    return [
        {"exp_time": segment, "jobs": len(some), "sum": total, "outlier": sign}
        for segment, some, total, sign in rows
    ]


def missing_segments(jobs, components, expected):
    """Return {component: expected segments of which it has no job}."""
    found = {}
    for component in components:
        there = {job.segment for job in jobs if job.component == component}
        missing = [str(one) for one in expected if str(one) not in there]
        if missing:
            found[component] = missing
    return found
