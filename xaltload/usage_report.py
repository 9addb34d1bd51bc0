"""The tables of xalt_usage_report: who ran what, by core hours, runs and users. Read-only."""

import collections

from xaltload import queries, tally
from xaltload.tables import Table
from xaltload.tally import Group, Groups

STYLES = (
    ("all", "", None),
    ("mpi", "MPI ", True),
    ("non_mpi", "Non-MPI ", False),
)
ORDERS = (
    ("hours", "Core-hours", tally.by_hours),
    ("runs", "# Runs", tally.by_runs),
    ("users", "# Users", tally.by_users),
)
COMPILERS = ("gcc", "g++", "gfortran", "ifort", "icc", "icpc")
KIND_NOTES = (
    "sys: executables that belong to a module",
    "usr: executables that belong to none: built by users",
)


def usage_tables(database, selection, name_map, number=20, short=False, full=False, weighted=False):
    """Return the Tables about the runs that a Selection takes.

    short leaves all but the executables out, full adds a table for each common compiler.
    """
    counted = tally.RunTally(name_map, weighted, with_builders=not short)
    counted.read(database, selection)
    programs = executables(counted, number)
    if short:
        return programs
    tables = [overall(counted), builders(counted), *programs, modules(counted, number)]
    tables += compiler_tables(database, selection, counted, number)
    if full:
        tables += [one_compiler(counted, program, number) for program in COMPILERS]
    return tables + library_tables(database, counted, number, full)


def overall(counted):
    """Return the table of all runs, by whether the executable belongs to a module."""
    groups = {"sys": Group(), "usr": Group()}
    for (_code, module, user, account, _mpi, is_binary), (runs, hours) in counted.kinds.items():
        if is_binary:
            groups["usr" if module is None else "sys"].add(hours, runs, user, account)
    jobs = {"sys": len(counted.system_jobs), "usr": len(counted.user_jobs)}
    totals = {
        "hours": sum(group.hours for group in groups.values()),
        "runs": sum(group.runs for group in groups.values()),
        "jobs": sum(jobs.values()),
    }
    rows: list[tuple] = [
        (
            kind, round(group.hours), percent(group.hours, totals["hours"]),
            round(group.runs), percent(group.runs, totals["runs"]),
            jobs[kind], percent(jobs[kind], totals["jobs"]),
            len(group.users), len(group.accounts),
        )
        for kind, group in tally.top(groups, 0, tally.by_hours)
    ]  # fmt: skip
    whole = [round(totals["hours"]), 100.0, round(totals["runs"]), 100.0, totals["jobs"], 100.0]
    rows.append(("Total", *whole, None, None))
    headings = (
        "Kind",
        "CoreHrs",
        "CoreHrs %",
        "Runs",
        "Runs %",
        "Jobs",
        "Jobs %",
        "Users",
        "Accts",
    )
    return Table("overall", "Overall Job Counts", headings, rows, KIND_NOTES)


def percent(part, whole):
    """Return a part in percent of a whole, 0 of nothing."""
    return 100.0 * part / whole if whole else 0.0


def builders(counted):
    """Return the table of who ran what was built by the same user or another."""
    rows = [
        (kind, round(group.hours), round(group.runs), len(group.users))
        for kind, group in (
            ("diff user", counted.built_by_others),
            ("same user", counted.built_by_users),
        )
    ]
    headings = ("Kind", "CoreHrs", "# Runs", "# Users")
    return Table(
        "builders", "Comparing Self-build vs. Build User != Run User", headings, rows
    )  # fmt: skip


def executables(counted, number):
    """Return the tables of the most used executables."""
    tables = []
    for style, word, wanted in STYLES:
        groups = Groups()
        for (code, _module, user, account, is_mpi, _binary), (runs, hours) in counted.kinds.items():
            if wanted is None or is_mpi == wanted:
                groups[code].add(hours, runs, user, account)
        for order, words, key in ORDERS:
            found = tally.top(groups, number, key)
            millions = sum(group.hours for _code, group in found) * 1e-6
            title = f"Top {number} {word}Executables sorted by {words}"
            if order == "hours":
                title += f" (Total Core Hours(M): {millions:.6f})"
            tables.append(
                Table(f"executables_{style}_by_{order}", title, group_headings("Exec"),
                      group_rows(found))
            )  # fmt: skip
    return tables


def group_headings(name, with_jobs=False):
    """Return the headings of a table of Groups."""
    return ("CoreHrs", "# Users", "# Accts", "# Runs", *(["# Jobs"] if with_jobs else []), name)


def group_rows(pairs, with_jobs=False):
    """Return the rows of a table of (name, Group) pairs."""
    return [
        (
            round(group.hours), len(group.users), len(group.accounts), round(group.runs),
            *([len(group.jobs)] if with_jobs else []), name,
        )
        for name, group in pairs
    ]  # fmt: skip


def modules(counted, number):
    """Return the table of the modules whose executables were run most."""
    groups = Groups()
    for (_code, module, user, account, _mpi, _binary), (runs, hours) in counted.kinds.items():
        if module is not None:
            groups[module].add(hours, runs, user, account)
    found = tally.top(groups, number, tally.by_hours)
    title = f"Top {number} Modules used sorted by Core-hours"
    return Table("modules", title, group_headings("Modules"), group_rows(found))


def compiler_tables(database, selection, counted, number):
    """Return the tables of what the executables were built with."""
    links = collections.Counter(
        program for _uuid, program, _user in queries.read_links(database, selection)
    )
    ordered = sorted(links.items(), key=lambda item: (-item[1], item[0]))
    rows = [(count, program) for program, count in ordered]
    found = tally.top(counted.compilers, 0, tally.by_hours)
    return [
        Table("compilers_by_count", "Compiler usage by Count", ("Count", "Link Program"), rows),
        Table("compilers_by_hours", "Compiler usage by Corehours", group_headings("Link Program"),
              group_rows(found)),
    ]  # fmt: skip


def one_compiler(counted, program, number):
    """Return the table of the executables that one compiler built."""
    groups = {code: group for (one, code), group in counted.compiled.items() if one == program}
    found = tally.top(groups, number, tally.by_hours)
    title = f"Top {number} Executables built with {program} sorted by Core-hours"
    return Table(f"built_with_{program}", title, group_headings("Exec"), group_rows(found))


def library_tables(database, counted, number, full):
    """Return the tables of libraries; full adds those of the queue for large memory."""
    tables = []
    for large_only in (False, True) if full else (False,):
        found = tally.libraries(database, counted, large_only=large_only)
        prefix = "largemem_" if large_only else ""
        where = f" in the queue {tally.LARGE_MEMORY}" if large_only else ""
        for key, words, groups in (
            ("library_families", " grouped by module families", tally.families(found)),
            ("libraries", "", found),
        ):
            title = f"Libraries used{where} sorted by Core Hours{words}"
            rows = group_rows(tally.top(groups, number, tally.by_hours), with_jobs=True)
            headings = group_headings("Library Module", with_jobs=True)
            tables.append(Table(prefix + key, title, headings, rows))
    return tables
