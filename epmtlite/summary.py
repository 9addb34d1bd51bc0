"""What the programs and operations of a job took together."""

from epmtlite import operations as operation_reader
from epmtlite.collect.tags import written
from epmtlite.processes import JobContext

MICROSECONDS = 1e6


def programs(database, job):
    """Return dictionaries of the programs of a selection.Job, the most CPU time first: program,
    processes, cpu_seconds, percent of the job's CPU time, longest_seconds, peak_mb. Read-only."""
    sql = (
        "SELECT exename, COUNT(*), SUM(cpu_time), MAX(duration), MAX(peak_rss) FROM epmt_process"
        " WHERE job_id = ? GROUP BY exename"
    )
    found = [
        (name, int(count), int(cpu_time), int(longest), int(peak))
        for name, count, cpu_time, longest, peak in database.rows(sql, (job.number,))
    ]
    total = sum(row[2] for row in found)
    return [
        {
            "program": name,
            "processes": count,
            "cpu_seconds": round(cpu_time / MICROSECONDS, 3),
            "percent": round(100 * cpu_time / total, 1) if total else 0.0,
            "longest_seconds": round(longest / MICROSECONDS, 3),
            "peak_mb": round(peak / 1024, 1),
        }
        for name, count, cpu_time, longest, peak in sorted(found, key=lambda row: (-row[2], row[0]))
    ]


def operations(database, job):
    """Return dictionaries of the operations of a selection.Job, the most CPU time first: tag,
    processes, cpu_seconds, seconds (in which at least one ran). Read-only."""
    context = JobContext(database, job)
    wanted = operation_reader.wanted_tags_of([context])
    found = operation_reader.operations(database, context, wanted)
    rows = [
        {
            "tag": written(tag),
            "processes": one.num_procs,
            "cpu_seconds": round(one.cpu_time / MICROSECONDS, 3),
            "seconds": round(one.duration(operation_reader.MINUS_OVERLAP) / MICROSECONDS, 3),
        }
        for tag, one in found
    ]
    return sorted(rows, key=lambda row: -row["cpu_seconds"])
