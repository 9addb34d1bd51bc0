"""The tables of xalt_scalar_bins_usage_report: runs on one core by their time. Read-only."""

from xaltload import queries, tally
from xaltload.tables import Table
from xaltload.tally import SECONDS_PER_HOUR, Groups

# As in XALT the bins overlap: each holds all runs that are shorter; the last one all others.
BINS = (
    ("Scalar_05", 0, 300), ("Scalar_10", 0, 600), ("Scalar_20", 0, 1200), ("Scalar_30", 0, 1800),
    ("Scalar_LG", 1800, float("inf")),
)  # fmt: skip
COLUMNS = ("exec_path", "user", "num_cores", "run_time", "probability", "syshost", "job_id")
HEADINGS = ("CoreHrs", "# Runs", "# Jobs", "# Users", "Exec")


def scalar_tables(database, selection, name_map, number=20, weighted=False):
    """Return a Table for each bin of run times."""
    bins = [Groups() for _bin in BINS]
    for row in queries.read_runs(database, selection, COLUMNS):
        path, user, cores, seconds, probability, syshost, job_id = row
        if cores > 1:
            continue
        runs = 1 / probability if weighted and 0 < probability < 1 else 1
        hours, code = seconds * cores * runs / SECONDS_PER_HOUR, name_map.code_of(path)
        for (_name, low, high), groups in zip(BINS, bins):
            if low <= seconds < high:
                groups[code].add(hours, runs, user, None)
                if job_id != tally.UNKNOWN:
                    groups[code].jobs.add((syshost, job_id))
    return [
        Table(name.lower(), f"Top {number} {name} Executables sorted by # Runs", HEADINGS,
              [bin_row(code, group) for code, group in tally.top(groups, number, tally.by_runs)])
        for (name, _low, _high), groups in zip(BINS, bins)
    ]  # fmt: skip


def bin_row(code, group):
    """Return the row of a Group."""
    return (round(group.hours), round(group.runs), len(group.jobs), len(group.users), code)
