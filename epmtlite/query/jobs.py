"""Jobs: find them, and tell what they share and whether they can be compared."""

import json

from epmtlite import jobs as job_reader
from epmtlite import selection
from epmtlite.analysis.errors import BadArgument
from epmtlite.query import arguments, frames, session
from usagedb.database import in_parts

COMPARED = ("exp_name", "exp_component")  # tags that jobs share which can be compared


def get_jobs(
    jobs=None, tags=None, fltr=None, order=None, limit=None, offset=0, when=None, before=None,
    after=None, hosts=None, fmt="dict", annotations=None, analyses=None, merge_proc_sums=True,
    exact_tag_only=False, trigger_post_process=True,
):  # fmt: skip
    """Return the jobs that meet all conditions; without any, all jobs. Read-only.

    jobs: an id, several with commas between them, or a collection of ids, jobs or dictionaries
    with a jobid, or a DataFrame with that column; one that is not there is left out.
    tags: a text k1:v1;k2:v2 or a dictionary, that those of the job must contain; a list: one of
    these; '' or {}: jobs without tags. With exact_tag_only they have no others.
    annotations, analyses: the same for those.
    fltr: a condition as in epmtlite/filters.py, like "duration > 60e6 and user = 'ann'".
    order: start (default), end, duration, cpu_time and more (selection.ORDERS), with a - before it
    the other way round. limit and offset: which part of the ordered jobs.
    before, after: ended until, or began since, a moment: a datetime, seconds since the epoch, a
    text MM/DD/YYYY HH:MM, 0 for now, -N for N days ago. when: ran then, or at the same time as the
    job of that id.
    hosts: ran on one of these.
    fmt: dict (a list of dictionaries, moments in the zone of each job, durations and CPU times in
    microseconds), pandas (a DataFrame), or terse (a list of ids).
    merge_proc_sums: whether the sums over the processes stand beside the rest, or under proc_sums.
    trigger_post_process: as EPMT has it; here all jobs are processed when they are stored.

    Raises BadArgument (a ValueError) for an argument or a condition that cannot be.
    """
    arguments.checked_form(fmt)
    database = session.current()
    wanted = selection.JobFilter(
        jobs=arguments.names_of(jobs), tags=arguments.tag_alternatives(tags),
        exact_tag_only=exact_tag_only, annotations=arguments.mapping(annotations),
        analyses=arguments.mapping(analyses), hosts=arguments.hosts_of(hosts),
        before=arguments.moment(before), after=arguments.moment(after),
        when=arguments.interval(database, when), fltr=arguments.condition(fltr),
        order=arguments.order_of(order, selection.ORDERS, "start"),
        limit=arguments.count_of("limit", limit) or None,
        offset=arguments.count_of("offset", offset) or 0,
    )  # fmt: skip
    return shown(database, arguments.selected(database, wanted), fmt, merge_proc_sums)


def shown(database, found, fmt, merge_proc_sums=True):
    """Return selection.Jobs in a form. Read-only."""
    if arguments.checked_form(fmt) == "terse":
        return job_reader.job_names(database, found)
    records = job_reader.job_dicts(database, found, merge_proc_sums)
    return frames.frame(records, ("jobid",)) if fmt == "pandas" else list(records)


def conv_jobs(jobs, fmt="dict", merge_sums=True, trigger_post_process=True):
    """Return jobs in another form: see get_jobs. Read-only.

    Raises BadArgument for none, MissingJob (a KeyError) for one that is not there.
    """
    database = session.current()
    return shown(database, arguments.chosen_jobs(database, jobs), fmt, merge_sums)


def get_job_tags(jobs, tag_filter="", fold=True):
    """Return the different tags of jobs, in the order of the jobs. Read-only.

    tag_filter: only tags that contain this one. fold: {key: its value, or the set of its values};
    else a list of dictionaries. Raises what conv_jobs raises.
    """
    wanted = arguments.one_tag(tag_filter)
    found: dict = {}
    for tags in tags_of(session.current(), jobs):
        if not wanted or selection.matches(tags, wanted):
            found.setdefault(json.dumps(tags, sort_keys=True), tags)
    return folded(found.values()) if fold else list(found.values())


def tags_of(database, jobs):
    """Return the tags of each of some jobs, as dictionaries. Read-only."""
    numbers = [job.number for job in arguments.chosen_jobs(database, jobs)]
    sql = "SELECT id, tags FROM epmt_job WHERE id IN ({})"
    texts = dict(in_parts(database, sql, numbers))
    return [json.loads(texts[number]) for number in numbers if number in texts]


def folded(all_tags):
    """Return {key: its value, or the set of its values} of many tags."""
    values: dict = {}
    for tags in all_tags:
        for key, value in tags.items():
            values.setdefault(key, set()).add(value)
    return {key: some if len(some) > 1 else next(iter(some)) for key, some in values.items()}


def get_job_status(jobid):
    """Return what is known of how a job ended: exit_code, exit_reason, script_path, script_name.

    Read-only. Raises MissingJob.
    """
    (job,) = conv_jobs(arguments.one_job(session.current(), jobid))
    return job["info_dict"].get("status", {})


def comparable_job_partitions(jobs, matching_keys=COMPARED):
    """Return [(values of the tags of matching_keys, ids)] of jobs that share these, the jobs that
    took the longest together first. A job without such a tag has None there. Read-only.

    Raises what conv_jobs raises.
    """
    keys = tuple(matching_keys or COMPARED)
    database = session.current()
    found = arguments.chosen_jobs(database, jobs)
    parts: dict = {}
    for job, name, tags in zip(
        found, job_reader.job_names(database, found), tags_of(database, found)
    ):
        values = tuple(tags.get(key) for key in keys)
        total, names = parts.get(values, (0, []))
        parts[values] = (total + job.end - job.start, [*names, name])
    ranked = sorted(parts.items(), key=lambda part: -part[1][0])
    return [(values, names) for values, (_total, names) in ranked]


def are_jobs_comparable(jobs, matching_keys=COMPARED):
    """Tell whether jobs share the tags of matching_keys. Read-only.

    Raises what conv_jobs raises.
    """
    return len(comparable_job_partitions(jobs, matching_keys)) == 1


def get_features(jobs):
    """Return the keys of jobs whose values are numbers, in order: what outliers can be found by.

    Read-only. Raises what conv_jobs raises.
    """
    records = conv_jobs(jobs)
    if not records:
        raise BadArgument("no job is there any more")
    keys = set.intersection(*(set(numeric_keys(record)) for record in records))
    return sorted(keys)


def numeric_keys(record):
    """Return the keys of a dictionary whose values are numbers."""
    return [
        key
        for key, value in record.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
