"""What the processes of one job did, in short: for programs that know whom they ask about.

Read-only. Sums are made by the database, and no more processes are read than are asked for, so
that a job of a million of them takes seconds, and no memory to speak of.
"""

from typing import NamedTuple, Optional

from epmtlite import selection
from epmtlite.collect.job import RUN_SUFFIX
from epmtlite.plot import lanes

MOST_RUNS = 20  # of a job, after the first; Slurm by itself requeues it five times
OUTLIER_ANALYSIS = "outlier_detection"  # under which analyses are noted: epmtlite.query.analyses
COLUMNS = (
    "id", "tree_number", "descendants", "depth", "host_id", "exename", "args", "pid", "exitcode",
    "exitsignal", "start", "end", "cpu_time", "peak_rss", "numtids",
)  # fmt: skip


class Process(NamedTuple):
    """One process; times are microseconds, start those since the epoch."""

    parent: int  # place of the nearest ancestor among those that were asked for, -1: none
    depth: int  # generations above it
    descendants: int
    host: str
    lane: int  # within its host, from 0: processes of one lane never ran at the same time
    program: str
    arguments: str
    pid: int
    exit_code: int
    exit_signal: int
    start: int
    duration: int
    cpu_time: int
    peak_rss: int  # kilobytes
    threads: int


class Program(NamedTuple):
    """The processes of one program together; times are microseconds."""

    name: str
    processes: int
    failed: int  # ended by a signal or with another status than 0
    cpu_time: int
    wall_time: int
    longest: int
    peak_rss: int  # kilobytes


def find(database, jobid, user, clusters=(), times=None) -> Optional[selection.Job]:
    """Return the selection.Job with an id, that a user ran; None if it is not there. A later run of
    a job that was requeued may have an id of its own: see epmtlite/README.md.

    clusters are names that its cluster may have here, (): any; of several such jobs the first by
    name counts, and of several runs the last. times, if given, is (start, end) in microseconds:
    a job that did not run between them is another one with that number.
    """
    marks = ", ".join("?" * (1 + MOST_RUNS))
    sql = (
        'SELECT j.id, j.cluster, j.jobid, j.start, j."end", j.num_procs FROM epmt_job j'  # noqa: S608
        f" JOIN epmt_user u ON u.id = j.user_id WHERE u.name = ? AND j.jobid IN ({marks})"
        " ORDER BY j.cluster, j.start DESC"
    )
    ids = (jobid, *(f"{jobid}{RUN_SUFFIX}{number}" for number in range(1, MOST_RUNS + 1)))
    for row in database.rows(database.dialect.in_quotes(sql), (user, *ids)):
        job = selection.Job(*row)
        is_then = times is None or (job.start <= times[1] and times[0] <= job.end)
        if is_then and (not clusters or job.cluster in clusters):
            return job
    return None


def programs(database, job):
    """Return the Programs of a selection.Job, the most CPU time first."""
    sql = (
        "SELECT exename, COUNT(*), SUM(CASE WHEN exitcode <> 0 OR exitsignal <> 0 THEN 1 ELSE 0"
        " END), SUM(cpu_time), SUM(duration), MAX(duration), MAX(peak_rss) FROM epmt_process"
        " WHERE job_id = ? GROUP BY exename"
    )
    found = [Program(row[0], *map(int, row[1:])) for row in database.rows(sql, (job.number,))]
    return sorted(found, key=lambda one: (-one.cpu_time, -one.wall_time, one.name))


def longest_processes(database, job, most):
    """Return the Processes of a selection.Job that took longest, by their start; at most `most`."""
    names = database.dialect.quote_all(COLUMNS)
    sql = (
        f"SELECT {names} FROM epmt_process WHERE job_id = ?"  # noqa: S608
        " ORDER BY duration DESC, id LIMIT ?"
    )
    rows = [dict(zip(COLUMNS, row)) for row in database.rows(sql, (job.number, most))]
    rows.sort(key=lambda row: (row["start"], row["id"]))
    hosts = dict(host_names(database, job))
    names_of_hosts = [hosts.get(row["host_id"], "unknown") for row in rows]
    spans = [(row["start"], row["end"]) for row in rows]
    numbers = lanes.packed_by_host(names_of_hosts, spans)
    parents = nearest_ancestors([(row["tree_number"], row["descendants"]) for row in rows])
    return [process_of(*some) for some in zip(rows, parents, names_of_hosts, numbers)]


def process_of(row, parent, host, lane):
    """Return the Process of {column: value}."""
    return Process(
        parent=parent, depth=row["depth"], descendants=row["descendants"], host=host, lane=lane,
        program=row["exename"], arguments=row["args"], pid=row["pid"], exit_code=row["exitcode"],
        exit_signal=row["exitsignal"], start=row["start"], duration=row["end"] - row["start"],
        cpu_time=row["cpu_time"], peak_rss=row["peak_rss"], threads=row["numtids"],
    )  # fmt: skip


def nearest_ancestors(places):
    """Return, of each (tree_number, descendants), the place in the list of its nearest ancestor.

    -1 where none of the others is one. See sql/epmt.sql: it is a nested set.
    """
    found = [-1] * len(places)
    above: list = []  # places in the list, each an ancestor of the next
    for place in sorted(range(len(places)), key=places.__getitem__):
        number = places[place][0]
        while above and sum(places[above[-1]]) < number:
            above.pop()
        found[place] = above[-1] if above else -1
        above.append(place)
    return found


def host_names(database, job):
    """Return (number, name) of the hosts of a selection.Job."""
    sql = (
        "SELECT h.id, h.name FROM epmt_job_host j JOIN epmt_host h ON h.id = j.host_id"
        " WHERE j.job_id = ?"
    )
    return database.rows(sql, (job.number,))


def outlier_features(analyses, job):
    """Return {feature: is a selection.Job an outlier by it} from the analyses of its record.

    None if it was never compared with others.
    """
    noted = analyses.get(OUTLIER_ANALYSIS) if isinstance(analyses, dict) else None
    names = {job.jobid, f"{job.cluster}/{job.jobid}"}
    found: dict = {}
    for one in noted if isinstance(noted, list) else ():
        results = one.get("results") if isinstance(one, dict) else None
        for feature, parts in results.items() if isinstance(results, dict) else ():
            if isinstance(parts, list) and len(parts) == 2 and isinstance(parts[1], list):
                is_outlier = any(name in names for name in map(str, parts[1]))
                found[str(feature)] = found.get(str(feature), False) or is_outlier
    return found or None
