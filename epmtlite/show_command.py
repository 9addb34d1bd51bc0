"""The command epmt show: what an administrator wants to know of a job, on one page."""

import json
import sys

from epmtlite import connection, forms, jobs, summary
from epmtlite.collect.console import print_line
from epmtlite.job_commands import the_job

WIDTH = 18


def run(options):
    """Show jobs."""
    with connection.opened(options, to_write=False) as database:
        for number, name in enumerate(options.jobs):
            sys.stdout.write("\n" * bool(number))
            show(database, the_job(database, name, options.cluster), options)


def show(database, job, options):
    """Show a selection.Job: what it is, its programs, its operations."""
    (record,) = jobs.job_dicts(database, [job])
    for key, value in facts_of(record):
        print_line(f"{key.ljust(WIDTH)}{value}")
    programs = summary.programs(database, job)
    blocks = (
        ("programs", "by CPU time", programs[: options.limit], len(programs)),
        ("operations", "by CPU time", *limited(summary.operations(database, job), options.limit)),
    )
    for name, order, rows, count in blocks:
        if rows:
            of_all = "" if len(rows) == count else f", {len(rows)} of {count}"
            print_line(f"\n{name} {order}{of_all}\n")
            forms.write_dicts(rows, "table")


def limited(rows, limit):
    """Return (the first rows, how many there are)."""
    return rows[:limit], len(rows)


def facts_of(record):
    """Yield (what, text) of the dictionary of a job."""
    yield "job", f"{record['cluster']}/{record['jobid']}" if record["cluster"] else record["jobid"]
    for key in ("jobname", "user"):
        yield key, record[key]
    yield "hosts", ", ".join(record["hosts"])
    yield "start", moment_text(record["start"])
    yield "end", moment_text(record["end"])
    yield "duration", time_text(record["duration"])
    yield "CPU time", time_text(record["cpu_time"])
    yield "processes", f"{record['num_procs']:,} with {record['num_threads']:,} threads"
    yield "largest process", f"{record['peak_rss'] / 1024:,.1f} MB"
    yield "exit code", record["exitcode"]
    for key in ("tags", "annotations", "analyses"):
        if record[key]:
            yield key, json.dumps(record[key], sort_keys=True)


def moment_text(moment):
    """Return a moment as people read it."""
    return "unknown" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S %Z")


def time_text(microseconds):
    """Return a duration as hours, minutes and seconds."""
    seconds = microseconds / 1e6
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:06.3f}"
