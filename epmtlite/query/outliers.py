"""Outliers among jobs, operations, processes and threads, and where their causes are."""

import logging

from epmtlite import operations, outliers, refmodels
from epmtlite.analysis import causes, detect
from epmtlite.analysis.errors import BadArgument, CannotAnalyze
from epmtlite.outliers import NOT_OF_OPERATIONS, Wanted, job_table
from epmtlite.query import arguments, frames, session
from epmtlite.query.jobs import COMPARED, are_jobs_comparable
from epmtlite.query.operations import texts_of

logger = logging.getLogger(__name__)

PROCESS_FEATURES = ("cpu_time", "duration")
THREAD_FEATURES = ("rssmax", "systemtime", "usertime")
CAUSE_METHODS = ("modified_z_score",)


def wanted_of(
    jobs, trained_model, features, methods, thresholds=None, sanity_check=True, pca=False
):
    """Return what is outliers.Wanted. Read-only.

    Raises MissingJob, MissingInputError for the model, or CannotAnalyze.
    """
    database = session.current()
    model = None if trained_model is None else refmodels.usable_model(database, trained_model)
    found = arguments.chosen_jobs(database, jobs)
    wanted = Wanted(database, session.settings(), found, features, methods, thresholds, model, pca)
    wanted.check()
    check_kinds(found, sanity_check)
    return wanted


def check_kinds(jobs, sanity_check=True):
    """Warn if selection.Jobs are of different kinds. Read-only."""
    if sanity_check and not are_jobs_comparable(jobs):
        logger.warning("the jobs differ in their tags %s", " and ".join(COMPARED))


def detect_outlier_jobs(
    jobs, trained_model=None, features=None, methods=None, thresholds=None, sanity_check=True,
    pca=False, fmt="pandas",
):  # fmt: skip
    """Return [a DataFrame of the jobs with a count by each feature, {feature: (set of the ids of
    jobs that are none, set of those that are outliers)}]. Read-only.

    A count says how many of the methods call the job an outlier. trained_model: the id or name of a
    model, which the jobs are measured with; without one at least four jobs are needed. features:
    names, by default outlier_features of the settings; [] or '*': all numbers that jobs have.
    methods: of iqr, modified_z_score, z_score; by default univariate_classifiers of the settings.
    Or of abod, hbos, knn, lof, mcd, ocsvm, pca, which judge all features at once and need a model
    made with them: then the columns are jobid and outlier, and the dictionary is by method.
    thresholds: {method: what a score must be above}, by default outlier_thresholds of the settings.
    sanity_check: warn if the jobs differ in exp_name or exp_component. pca: judge them by principal
    components: True (those with 0.85 of the variance), how many, or what share of it; then there is
    also pca_weighted, the counts weighted by the variances. fmt: pandas, or dict (a list of
    dictionaries in the place of the DataFrame).

    Raises CannotAnalyze (a RuntimeError) for too few jobs or a disabled model, BadValues (a
    ValueError) where a feature is not known of all jobs, BadArgument, MissingJob, MissingInputError
    for a model that is not there, MissingLibrary.
    """
    wanted = wanted_of(jobs, trained_model, features, methods, thresholds, sanity_check, pca)
    if wanted.is_multivariate():
        return by_all_features(wanted, fmt)
    found = outliers.outlier_jobs(wanted)
    return [in_form(found.records("jobid"), fmt), found.parts()]


def by_all_features(wanted, fmt):
    """Return what detect_outlier_jobs returns with methods that judge all features at once."""
    found = outliers.multivariate_jobs(wanted, *job_table(wanted.database, wanted.jobs))
    records = [{"jobid": key, "outlier": count} for key, count in zip(found.keys, found.counts())]
    parts = {method: detect.parted(found.keys, mask) for method, mask in found.masks.items()}
    return [in_form(records, fmt), parts]


def in_form(records, fmt):
    """Return dictionaries, or a DataFrame of them. Raises BadArgument for another form."""
    if fmt not in ("pandas", "dict"):
        raise BadArgument(f"fmt={fmt!r}: pandas or dict")
    return records if fmt == "dict" else frames.frame(records)


def partition_jobs(jobs, features=None, methods=None, thresholds=None):
    """Return {feature: (set of the ids of jobs that are none, set of those that are outliers)}.

    Read-only. The arguments and errors are those of detect_outlier_jobs.
    """
    return outliers.outlier_jobs(wanted_of(jobs, None, features, methods, thresholds)).parts()


def detect_outlier_ops(
    jobs, tags=None, trained_model=None, features=None, methods=None, thresholds=None,
    sanity_check=True, fmt="pandas",
):  # fmt: skip
    """Return what is found about the operations of jobs: (a DataFrame with a row of each job and
    operation, {tag as JSON: (set of ids that are none, set of outliers)}, a DataFrame with the
    scores of each operation, the tags, the features). Read-only.

    A score says by how much methods' scores were above their thresholds, added up; the tags and
    features are ordered by them, the highest first. tags: as in get_ops; by default those of the
    model, or all different tags of the processes. An operation that fewer than four of the jobs
    have is left out without a model. The other arguments and errors are those of
    detect_outlier_jobs.
    """
    wanted = wanted_of(jobs, trained_model, features, methods, thresholds, sanity_check)
    found = outliers.outlier_operations(wanted, texts_of(tags))
    return (
        in_form(found.records(), fmt), found.parts(), in_form(found.scores(), fmt), found.tags,
        found.features,
    )  # fmt: skip


def partition_jobs_by_ops(jobs, tags=None, features=None, methods=CAUSE_METHODS, thresholds=None):
    """Return {tag as JSON: (set of the ids of jobs that are none, set of those that are outliers)}
    by operations. Read-only. The arguments and errors are those of detect_outlier_ops."""
    wanted = wanted_of(jobs, None, features, methods, thresholds)
    return outliers.outlier_operations(wanted, texts_of(tags)).parts()


def detect_outliers(df, features=None, methods=None, fmt="pandas"):
    """Return a DataFrame of how many methods call each row an outlier, by each feature.

    df: a DataFrame, or a list of dictionaries. features: by default all numbers. fmt: pandas, or
    dict. Raises BadValues or BadArgument.
    """
    rows = df.to_dict("records") if hasattr(df, "to_dict") else list(df)
    if not rows:
        raise BadArgument("there are no rows to find outliers among")
    wanted = Wanted(None, session.settings(), [], features or detect.ALL, methods)
    found = wanted.find(rows, range(len(rows)), wanted.chosen_features(rows), None)
    records = [{name: one[name] for name in found.features} for one in found.records("row")]
    return in_form(records, fmt)


def detect_outlier_processes(processes, features=None, methods=None, fmt="pandas"):
    """Return how many methods call each process an outlier, by duration and CPU time.

    processes: what get_procs returns. See detect_outliers.
    """
    return detect_outliers(processes, features or PROCESS_FEATURES, methods, fmt)


def detect_outlier_threads(threads, features=None, methods=None, fmt="pandas"):
    """Return how many methods call each thread an outlier, by user and system time and memory.

    threads: what get_thread_metrics returns. See detect_outliers.
    """
    return detect_outliers(threads, features or THREAD_FEATURES, methods, fmt)


def detect_rootcause(jobs, inp, features=None, methods=CAUSE_METHODS, fmt="pandas"):
    """Return (True, a table, [(feature, ratio)]): by what a job, inp, differs most from jobs.

    The table describes the jobs by each feature, with the highest score among them, the score of
    inp and the ratio of these; the list has the highest ratio first. fmt: pandas, or dict ({row:
    {feature: value}}). Read-only. Raises what detect_outlier_jobs raises.
    """
    database = session.current()
    rows, _keys = job_table(database, arguments.chosen_jobs(database, jobs))
    given, _keys = job_table(database, [arguments.one_job(database, inp)])
    if not given:
        raise arguments.MissingJob(f"job {inp} was deleted meanwhile")
    return explained(rows, given[0], features, methods, (), fmt)


def explained(rows, row, features, methods, excluded, fmt):
    """Return what detect_rootcause returns, of rows and a row."""
    settings = session.settings()
    wanted = Wanted(None, settings, [], features, methods)
    names = wanted.chosen_features(rows, excluded)
    if features is None:  # in the order of the settings, as people know them
        names.sort(key=settings.outlier_features.index)
    found = causes.causes(rows, row, names, wanted.method_names())
    if fmt == "dict":
        table = {name: dict(zip(names, values)) for name, values in found.rows.items()}
    else:
        in_form([], fmt)
        table = frames.table(found.rows, names)
    return True, table, found.ranked


def detect_rootcause_op(jobs, inp, tag, features=None, methods=CAUSE_METHODS, fmt="pandas"):
    """Return what detect_rootcause returns, of the operation of a tag. Read-only.

    Raises CannotAnalyze if one of the jobs has not got it.
    """
    database = session.current()
    wanted_tag = arguments.one_tag(tag)
    references = arguments.chosen_jobs(database, jobs)
    given = arguments.one_job(database, inp)
    rows, own = (
        operations.op_metrics(database, some, [wanted_tag]) for some in (references, [given])
    )
    if len(rows) < len(references) or not own:
        shown = refmodels.key_of(wanted_tag)
        raise CannotAnalyze(f"not all of the jobs have the operation {shown}")
    return explained(rows, own[0], features, methods, NOT_OF_OPERATIONS, fmt)
