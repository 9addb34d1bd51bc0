"""Experiments: jobs with the tag exp_name, their components and segments of time."""

from epmtlite import explore
from epmtlite.analysis.errors import CannotAnalyze
from epmtlite.query import session
from epmtlite.query.jobs import get_jobs

SEGMENTS = range(18540101, 20190101, 50000)


def experiment(exp_name, metric, jobs=None):
    """Return the explore.ExperimentJobs of an experiment. Read-only.

    Raises CannotAnalyze if there are none, BadArgument for a metric that they have not got.
    """
    records = get_jobs(jobs, tags={"exp_name": exp_name})
    if not records:
        raise CannotAnalyze(f"no job has the tag exp_name:{exp_name}")
    return explore.experiment_jobs(records, metric)


def methods():
    """Return the methods of the settings."""
    return session.settings().univariate_classifiers


def exp_component_outliers(exp_name, metric="duration", limit=10):
    """Return the jobs of the components that take the most, as dictionaries with component,
    exp_time, jobid, value and outlier (** for each method that calls the value one). Read-only.

    Raises CannotAnalyze (a RuntimeError) if there are no such jobs, BadArgument for the metric.
    """
    jobs = experiment(exp_name, metric)
    components = [row["component"] for row in explore.top_components(jobs, limit)]
    return explore.variations(jobs, components, methods())


def exp_time_segment_stats(exp_name, metric="duration"):
    """Return the segments of time of an experiment, as dictionaries with exp_time, jobs, sum and
    outlier. Read-only. Raises what exp_component_outliers raises."""
    return explore.segments(experiment(exp_name, metric), methods())


def find_missing_time_segments(exp_name, jobs=None, components=None, time_segments=SEGMENTS):
    """Return {component: segments of time of which it has no job}, for some components or all.

    Read-only. Raises CannotAnalyze (a RuntimeError) if the experiment has no jobs.
    """
    found = experiment(exp_name, "duration", jobs)
    wanted = components or sorted({job.component for job in found})
    return explore.missing_segments(found, wanted, time_segments)
