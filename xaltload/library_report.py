"""The tables of xalt_library_usage: which modules' libraries were loaded. Read-only."""

from xaltload import tally
from xaltload.tables import Table
from xaltload.usage_report import group_headings, group_rows


def library_tables(database, selection, pattern="%", number=0, weighted=False):
    """Return the Tables about libraries whose module matches an SQL pattern."""
    counted = tally.RunTally(database, selection, weighted)
    found = tally.libraries(database, counted, pattern)
    tables = []
    for key, words, groups in (
        ("library_families", " grouped by module families", tally.families(found)),
        ("libraries", "", found),
    ):
        title = f"Libraries used by Executables sorted by Core Hours{words}"
        rows = group_rows(tally.top_joined(groups, number), with_jobs=True)
        headings = group_headings("Library Module", with_jobs=True)
        tables.append(Table(key, title, headings, rows))
    return tables
