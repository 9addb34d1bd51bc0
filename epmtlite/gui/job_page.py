"""The page about one job, and that of several beside each other."""

import json

from epmtlite import jobs as job_reader
from epmtlite import selection, summary
from epmtlite.analysis.errors import BadArgument
from epmtlite.gui import amounts, layout, links
from epmtlite.gui.jobs_page import exit_cell, host_link, tag_link, user_link
from epmtlite.gui.markup import joined, tag
from epmtlite.gui.tables import Column, Table
from epmtlite.outliers import FEWEST_JOBS
from epmtlite.plot import texts
from epmtlite.query import arguments

ROWS = 20  # of a table, unless all are asked for
MOST_ROWS = 2000
# Of more processes the operations and the picture, for which each of them is read, are made when
# they are asked for.
MOST_AT_ONCE = 200_000
MOST_COMPARED = 50
MOST_HOSTS = 50
LONGEST_NOTE = 4000
# What programs get of a job: its environment may hold secrets.
LEFT_OUT = ("env_dict", "env_changes_dict", "info_dict")


def found_job(database, cluster, jobid):
    """Return the selection.Job of a cluster, which may be '', and an id. Read-only.

    Raises MissingJob, a MissingInputError.
    """
    found = selection.named_jobs(database, [jobid], cluster)
    if not found:
        shown = texts.shown(f"{cluster}/{jobid}" if cluster else jobid)
        raise arguments.MissingJob(f"no job {shown} is in the database")
    return found[0]


def view(site, asked, cluster, jobid):
    """Return the View of a job. Read-only. Raises MissingJob."""
    job = found_job(site.database, cluster, jobid)
    (record,) = job_reader.job_dicts(site.database, [job])
    path = links.job_path(cluster, jobid)
    most = MOST_ROWS if asked.one("all") else ROWS
    is_later = job.num_procs > MOST_AT_ONCE and not asked.one("all")
    blocks = [
        job_facts(record),
        job_tags(record),
        links_of(record),
        shortened(program_table(site.database, job, path), most, path),
        *operation_blocks(site.database, job, path, most, is_later),
        *notes(record, "annotations", "Annotations"),
        *notes(record, "analyses", "Analyses"),
        layout.frame(links.job_path(cluster, jobid, "picture"), "What its processes did", is_later),
    ]
    return layout.View(f"Job {texts.shown(job.full_name())}", blocks, section="/")


def data(site, _asked, cluster, jobid):
    """Return the View of a job as programs get it: with all rows, without pictures."""
    job = found_job(site.database, cluster, jobid)
    (record,) = job_reader.job_dicts(site.database, [job])
    known = {key: value for key, value in record.items() if key not in LEFT_OUT}
    path = links.job_path(cluster, jobid)
    tables = [program_table(site.database, job, path), operation_table(site.database, job, path)]
    return layout.View("", tables, data={"job": known})


def csv_table(site, asked, cluster, jobid):
    """Return the table of a job that is asked for. Raises BadArgument for another one."""
    job = found_job(site.database, cluster, jobid)
    name = asked.one("table", "programs")
    makers = {"programs": program_table, "operations": operation_table}
    if name not in makers:
        raise BadArgument(f"table={name}: one of {', '.join(makers)}")
    return makers[name](site.database, job, links.job_path(cluster, jobid))


def job_facts(record):
    """Return what is known of a job, for people."""
    name = record["jobname"]
    hosts = record["hosts"]
    busy = record["cpu_time"] / record["duration"] if record["duration"] > 0 else 0
    title = "host" if len(hosts) == 1 else f"{len(hosts):,} hosts"
    return layout.facts(
        [
            ("name", texts.shown(name) if name != "unknown" else None),
            ("user", user_link(record["user"])),
            (title, linked_hosts(hosts)),
            ("start", amounts.moment(record["start"])),
            ("end", amounts.moment(record["end"])),
            ("duration", amounts.duration(record["duration"])),
            (
                "CPU time",
                f"{amounts.duration(record['cpu_time'])} ({busy:.2f} processors busy)",
            ),
            ("processes", f"{record['num_procs']:,} with {record['num_threads']:,} threads"),
            ("largest process", amounts.memory(record["peak_rss"])),
            ("exit code", exit_cell(record["exitcode"])),
        ]
    )


def linked_hosts(names):
    """Return the names of hosts, each a link to the jobs that ran there."""
    more = f" and {len(names) - MOST_HOSTS:,} more" if len(names) > MOST_HOSTS else None
    return joined([[", " * bool(place), host_link(name)]
                   for place, name in enumerate(names[:MOST_HOSTS])], more)  # fmt: skip


def job_tags(record):
    """Return the tags of a job."""
    if not record["tags"]:
        return None
    return tag(
        "p", tag("span", "tags ", class_="muted"),
        joined(*([tag_link(key, value), " "] for key, value in sorted(record["tags"].items()))),
    )  # fmt: skip


def links_of(record):
    """Return the links to what is near a job."""
    found = []
    experiment = record["tags"].get("exp_name")
    wanted = links.tag_condition("exp_name", experiment) if experiment is not None else None
    if wanted:
        found += [
            tag("a", "the experiment", href=links.address("/experiment", name=experiment)),
            tag("a", "outliers of the experiment", href=links.address("/outliers", tag=wanted)),
        ]
    path = links.job_path(record["cluster"], record["jobid"])
    found.append(tag("a", "JSON", href=f"/api{path}"))
    return tag("p", [[one, " "] for one in found], class_="times")


def program_table(database, job, path):
    """Return the table of the programs of a job. Read-only."""
    columns = (
        Column("program", "program"),
        Column("processes", "processes", amounts.count, is_number=True),
        Column("cpu_seconds", "CPU time", amounts.seconds, is_number=True),
        Column("percent", "of the job", percent_cell, is_number=True),
        Column("longest_seconds", "longest", amounts.seconds, is_number=True),
        Column("peak_mb", "peak memory", amounts.megabytes, is_number=True),
    )
    rows = summary.programs(database, job)
    download = links.address(path, format="csv", table="programs")
    return Table(
        "programs", "Programs", columns, rows, empty="The job has no processes.", download=download
    )


def percent_cell(value):
    """Return a percentage, with a bar."""
    bar = tag("meter", min=0, max=100, value=value, aria_hidden="true")
    return joined(f"{value:.1f} % ", bar)


def operation_table(database, job, path):
    """Return the table of the operations of a job. Read-only."""
    columns = (
        Column("tag", "operation", is_wide=True),
        Column("processes", "processes", amounts.count, is_number=True),
        Column("cpu_seconds", "CPU time", amounts.seconds, is_number=True),
        Column("seconds", "in which one ran", amounts.seconds, is_number=True),
    )
    rows = summary.operations(database, job)
    download = links.address(path, format="csv", table="operations")
    empty = "Its processes have no tags: say what they do with PAPIEX_TAGS."
    return Table("operations", "Operations", columns, rows, empty=empty, download=download)


def operation_blocks(database, job, path, most, is_later):
    """Yield the table of the operations of a job, or only the link to it."""
    if is_later:
        link = tag("a", "Show the operations", href=links.address(path, all="1") + "#operations")
        yield tag("p", link, f", for which {job.num_procs:,} processes are read.", class_="muted")
    else:
        yield shortened(operation_table(database, job, path), most, path)


def shortened(table, most, path):
    """Return a table of at most so many rows, which says how many there are."""
    count = len(table.rows)
    if count <= most:
        return table
    note = [f"The {most:,} with the most CPU time, of {count:,}. "]
    if most < MOST_ROWS:
        note.append(tag("a", "Show more", href=links.address(path, all="1") + f"#{table.name}"))
    return table._replace(rows=table.rows[:most], note=tag("p", note, class_="muted"))


def notes(record, key, title):
    """Yield what is noted about a job as a table, if anything is."""
    if not record[key]:
        return
    columns = (Column("key", "name"), Column("value", "value", note_cell, is_wide=True))
    rows = [{"key": name, "value": value} for name, value in sorted(record[key].items())]
    yield Table(key, title, columns, rows)


def note_cell(value):
    """Return what is noted: a text as it is, other data as JSON."""
    if isinstance(value, (str, int, float)):
        return texts.shown(value, LONGEST_NOTE)
    lines = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).splitlines()
    shown = [texts.shown(line, LONGEST_NOTE) for line in lines[:LONGEST_NOTE]]
    return tag("pre", joined(*([line, tag("br")] for line in shown)))


# several jobs


def compared_jobs(database, asked):
    """Return the selection.Jobs that are to be compared.

    Raises BadArgument for too few or too many, MissingJob for one that is not there.
    """
    names = list(dict.fromkeys(asked.all("job")))
    if not 2 <= len(names) <= MOST_COMPARED:
        raise BadArgument(
            f"choose from 2 to {MOST_COMPARED} jobs to be compared: {len(names)} are chosen"
        )
    found = [found_job(database, *one) for one in map(links.split_name, names)]
    return list({job.number: job for job in found}.values())


def compare_view(site, asked):
    """Return the View of jobs beside each other. Read-only. Raises what compared_jobs raises."""
    jobs = compared_jobs(site.database, asked)
    pairs = [("job", f"{job.cluster}/{job.jobid}") for job in jobs]
    note = "Outliers among them are marked." if len(jobs) >= FEWEST_JOBS else (
        f"From {FEWEST_JOBS} jobs on outliers among them are marked."
    )  # fmt: skip
    blocks = [
        tag("p", joined(*([links.job_link(job.full_name()), " "] for job in jobs))),
        tag("p", note, class_="muted"),
        layout.frame(links.address("/compare/picture", *pairs), "The jobs beside each other"),
    ]
    return layout.View(f"{len(jobs)} jobs compared", blocks, section="/")
