"""The command epmt outliers."""

from epmtlite import connection, forms, outliers, refmodels, selection
from epmtlite.analysis import causes, detect
from epmtlite.collect import errors
from epmtlite.outliers import Wanted
from epmtlite.query import session
from epmtlite.query.arguments import chosen_jobs
from epmtlite.query.outliers import check_kinds

MOST_CAUSES = 5  # of one job


def run(options):
    """Show which of some jobs are outliers, and by what."""
    if options.explain and options.by_operation:
        raise errors.UsageError("--explain is for whole jobs, not with --ops")
    database_in_use = connection.opened(options, to_write=False)
    with database_in_use as database, session.using(database, options.settings):
        wanted = wanted_of(database, options)
        wanted.check()
        check_kinds(wanted.jobs)
        if options.by_operation:
            records = operation_records(wanted)
        else:
            records = job_records(wanted, options.explain)
    forms.write_dicts(records, options.form)


def wanted_of(database, options):
    """Return the outliers.Wanted of the options. Raises UsageError or MissingError."""
    jobs = chosen_jobs(database, options.jobs) if options.jobs else []
    if options.tags:
        tags = tuple(selection.wanted_tags(text) for text in options.tags)
        wanted = selection.JobFilter(tags=tags, cluster=options.cluster)
        named = {job.number for job in jobs}
        jobs += [one for one in selection.select_jobs(database, wanted) if one.number not in named]
    if not jobs:
        reason = "no job has such tags" if options.tags else "name jobs, or say --tag KEY:VALUE"
        raise errors.UsageError(reason)
    model = None if options.model is None else refmodels.usable_model(database, options.model)
    return Wanted(
        database, options.settings, jobs, options.features, options.methods, model=model,
        pca=options.pca,
    )  # fmt: skip


def job_records(wanted, explain):
    """Return a dictionary of each job: its counts, and whether it is an outlier."""
    found = outliers.outlier_jobs(wanted)
    records = found.records("jobid")
    for record, count in zip(records, found.total_counts()):
        record["outlier"] = bool(count)
    if explain:
        add_causes(wanted, records)
    return records


def add_causes(wanted, records):
    """Say of each outlier by what it differs most from the jobs that are none, or from those of the
    model."""
    rows, _keys = outliers.job_table(wanted.database, wanted.jobs)
    references = [row for row, one in zip(rows, records) if not one["outlier"]]
    if wanted.model:
        jobs = refmodels.jobs_of(wanted.database, wanted.model)
        references, _keys = outliers.job_table(wanted.database, jobs)
    features = [
        name
        for name in detect.common_numbers([*rows, *references])
        if name not in wanted.settings.outlier_features_blacklist
    ]
    for row, record in zip(rows, records):
        record["causes"] = []
        if record["outlier"] and references:
            found = causes.causes(references, row, features)
            record["causes"] = causes.told(found, MOST_CAUSES)


def operation_records(wanted):
    """Return a dictionary of each operation of each job, the most conspicuous operation first."""
    found = outliers.outlier_operations(wanted)
    return [
        {**record, "outlier": any(record[name] for name in one.features)}
        for tag, one in zip(found.tags, found.found)
        for record in ({"tags": tag, **row} for row in one.records("jobid"))
    ]
