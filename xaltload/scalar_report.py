"""The tables of xalt_scalar_bins_usage_report: runs on one core by their time. Read-only."""

from xaltload import queries, tally
from xaltload.tables import Table
from xaltload.tally import Groups

LIMITS = (300, 600, 1200, 1800)  # seconds
# As in XALT the bins overlap: each holds all runs that are shorter; the last one all others.
BINS = (
    ("Scalar_05", (0,)), ("Scalar_10", (0, 1)), ("Scalar_20", (0, 1, 2)),
    ("Scalar_30", (0, 1, 2, 3)), ("Scalar_LG", (4,)),
)  # fmt: skip
SPAN = (
    "CASE WHEN run_time < 300 THEN 0 WHEN run_time < 600 THEN 1 WHEN run_time < 1200 THEN 2"
    " WHEN run_time < 1800 THEN 3 ELSE 4 END"
)
HEADINGS = ("CoreHrs", "# Runs", "# Jobs", "# Users", "Exec")


def scalar_tables(database, selection, name_map, number=20, weighted=False):
    """Return a Table for each bin of run times."""
    spans = read_spans(database, selection, name_map, weighted)
    tables = []
    for name, places in BINS:
        groups = Groups()
        for place in places:
            for code, group in spans[place].items():
                groups[code].join(group)
        rows = [bin_row(*pair) for pair in tally.top(groups, number, tally.by_runs)]
        title = f"{f'Top {number}' if number else 'All'} {name} Executables sorted by # Runs"
        tables.append(Table(name.lower(), title, HEADINGS, rows))
    return tables


def read_spans(database, selection, name_map, weighted):
    """Return a list of {code: Group} of the runs on one core, for each span of run times."""
    spans = [Groups() for _limit in (*LIMITS, None)]
    keys, condition = ("program_id", SPAN), " AND num_cores <= 1"
    found = list(queries.read_groups(database, selection, keys, weighted, condition))
    programs = queries.programs(database, {row[0] for row in found})
    for program, span, *counts in found:
        spans[span][name_map.code_of(programs[program][0])].count(*counts)
    for run in tally.unprepared(database, selection, weighted):
        if run.cores <= 1:
            span = sum(run.seconds >= limit for limit in LIMITS)
            spans[span][name_map.code_of(run.program[0])].count(*run.counts)
    return spans


def bin_row(code, group):
    """Return the row of a Group."""
    return (round(group.hours), round(group.runs), len(group.jobs), len(group.users), code)
