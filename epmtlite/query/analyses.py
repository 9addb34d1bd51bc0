"""Analyze jobs: find outliers among jobs of one kind, and note on each job what was found."""

import logging

from epmtlite import annotations, refmodels, selection
from epmtlite import jobs as job_reader
from epmtlite.analysis.errors import BadArgument, BadValues, CannotAnalyze
from epmtlite.outliers import FEWEST_JOBS, Wanted, outlier_jobs
from epmtlite.query import arguments, session
from epmtlite.query.jobs import COMPARED, comparable_job_partitions, tags_of

logger = logging.getLogger(__name__)

ANALYSIS = "outlier_detection"  # the key of what is noted
MOST_COMPARABLE = 50


def analyze_jobs(jobs=None, analyses_filter=None, max_comparable=MOST_COMPARABLE, check=True):
    """Analyze the jobs, of some or of all, that are not analyzed yet; return lists of ids of those
    that were analyzed together. Commits job by job.

    Jobs that share exp_name and exp_component are compared with each other, at most max_comparable
    at once; where they are fewer, with the latest such jobs besides. analyses_filter: analyses;
    then the jobs that have not got these. check: jobs that are analyzed stay as they are; else they
    are analyzed again. Jobs that the settings say nothing about, with features or methods that
    there are not, stay unanalyzed, with a warning. See analyze_comparable_jobs.
    """
    database = session.current()
    found = jobs_to_analyze(database, jobs, analyses_filter, check)
    if not found:
        return []
    done = []
    for _values, names in comparable_job_partitions(found):
        some = sorted(arguments.chosen_jobs(database, names), key=lambda job: job.start)
        for group in groups_of(some, max_comparable):
            try:
                analyze(database, group, with_latest(database, group, max_comparable))
            except BadArgument as error:
                logger.warning("%d jobs stay unanalyzed: %s", len(group), error)
            else:
                done.append(job_reader.job_names(database, group))
    return done


def jobs_to_analyze(database, jobs, analyses_filter, check):
    """Return the selection.Jobs that analyze_jobs is to analyze. Read-only."""
    names = arguments.names_of(jobs)
    is_new_only = check and not analyses_filter
    wanted = selection.JobFilter(jobs=names, is_unanalyzed=is_new_only)
    found = selection.select_jobs(database, wanted)
    if not analyses_filter:
        return found
    wanted = selection.JobFilter(analyses=arguments.mapping(analyses_filter))
    numbers = {job.number for job in selection.select_jobs(database, wanted)}
    return [job for job in found if job.number not in numbers]


def groups_of(jobs, most):
    """Yield jobs in groups of at most `most`, all of about the same size."""
    count = -(-len(jobs) // max(most, FEWEST_JOBS))
    for number in range(count):
        yield jobs[number * len(jobs) // count : (number + 1) * len(jobs) // count]


def with_latest(database, jobs, most):
    """Return jobs of one kind with the latest others of that kind, `most` in all. Read-only."""
    tags = tags_of(database, jobs[:1])[0]
    kind = {key: tags[key] for key in COMPARED if key in tags}
    if not kind or len(jobs) >= most:
        return jobs
    numbers = {job.number for job in jobs}
    same = []
    for job, its_tags in selection.latest_jobs(database):
        if job.number in numbers:
            continue
        if {key: its_tags[key] for key in COMPARED if key in its_tags} == kind:
            same.append(job)
            if len(jobs) + len(same) >= most:
                break
    return [*jobs, *same]


def analyze_comparable_jobs(jobids, check_comparable=True, keys=COMPARED):
    """Analyze jobs that can be compared, and return what is noted on each of them: a list of
    {model_id, results: {feature: [ids that are none, ids of outliers]}}. Commits job by job.

    There is one for each enabled model whose tags contain those of `keys` that the jobs have;
    without such a model one with model_id None, if the jobs are at least four. It is noted under
    outlier_detection, and empty where nothing could be done, so that the jobs count as analyzed.
    Raises CannotAnalyze (a RuntimeError) with check_comparable if the jobs differ in the tags of
    keys; MissingJob or BadArgument.
    """
    database = session.current()
    jobs = arguments.chosen_jobs(database, jobids)
    if check_comparable and len(comparable_job_partitions(jobs, keys)) > 1:
        raise CannotAnalyze(f"the jobs differ in {' and '.join(keys)}")
    return analyze(database, jobs, jobs, keys)


def analyze(database, jobs, compared, keys=COMPARED):
    """Analyze jobs beside those that they are compared with, and note on each what was found."""
    tags = tags_of(database, jobs[:1])[0]
    kind = {key: tags[key] for key in keys if key in tags}
    results = []
    for model in matching_models(database, kind) or [None]:
        found = findings(compared if model is None else jobs, model)
        if found:
            results.append({"model_id": model and model.id, "results": found})
    for job, name in zip(jobs, job_reader.job_names(database, jobs)):
        its_own = [one for one in results if is_judged(name, one["results"])]
        annotations.set_analyses(database, job, {ANALYSIS: its_own}, replace=False)
    return results


def is_judged(name, found):
    """Tell whether findings say something about the job of a name."""
    return any(name in some for parts in found.values() for some in parts)


def matching_models(database, kind):
    """Return the enabled models of whole jobs whose tags contain some. Read-only."""
    if not kind:
        return []
    models = refmodels.find(database, refmodels.ModelFilter(tags=(kind,)))
    return [model for model in models if model.enabled and not model.op_tags]


def findings(jobs, model):
    """Return {feature: [ids that are none, ids of outliers]}; None where nothing can be said.

    Jobs that lack a number are left out, with a warning: they keep nobody from being judged.
    """
    if model is None and len(jobs) < FEWEST_JOBS:
        return None
    try:
        found = outlier_jobs(Wanted(session.current(), session.settings(), jobs, model=model))
    except BadValues as error:
        logger.warning("%d jobs are left out: %s", len(error.keys), error)
        left = without(jobs, error.keys)
        return findings(left, model) if 0 < len(left) < len(jobs) else None
    except (BadArgument, CannotAnalyze) as error:
        if model is None and isinstance(error, BadArgument):
            raise  # the settings are wrong, not the jobs
        logger.warning("%d jobs cannot be analyzed: %s", len(jobs), error)
        return None
    return {feature: [sorted(some) for some in parts] for feature, parts in found.parts().items()}


def without(jobs, names):
    """Return the selection.Jobs that have none of these names. Read-only."""
    own_names = job_reader.job_names(session.current(), jobs)
    return [job for job, name in zip(jobs, own_names) if name not in names]
