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
OVERALL_HEADINGS = (
    "Kind", "CoreHrs", "CoreHrs %", "Runs", "Runs %", "Jobs", "Jobs %", "Users", "Accts",
)  # fmt: skip
KIND_NOTES = (
    "sys: executables that belong to a module",
    "usr: executables that belong to none: built by users",
)


def usage_tables(database, selection, name_map, number=20, short=False, full=False, weighted=False):
    """Return the Tables about the runs that a Selection takes.

    short leaves all but the executables out, full adds a table for each common compiler.
    """
    counted = tally.RunTally(database, selection, weighted)
    programs = executables(counted, name_map, number)
    if short:
        return programs
    built = Built(counted, name_map)
    tables = [overall(counted), builders(built), *programs, modules(counted, number)]
    tables += compiler_tables(database, selection, built)
    if full:
        tables += [one_compiler(built, program, number) for program in COMPILERS]
        counted.read_large_memory()
    return tables + library_tables(database, counted, number, full)


def overall(counted):
    """Return the table of all runs, by whether the executable belongs to a module."""
    groups = {"sys": Group(), "usr": Group()}
    for (program, _set, _mpi), group in counted.groups.items():
        _path, module, exec_type, _link = counted.programs[program]
        if exec_type == "binary":
            groups["usr" if module is None else "sys"].join(group)
    whole = Group()
    for group in groups.values():
        whole.hours, whole.runs = whole.hours + group.hours, whole.runs + group.runs
    jobs = sum(len(group.jobs) for group in groups.values())
    rows: list[tuple] = [
        (
            kind, round(group.hours), percent(group.hours, whole.hours),
            round(group.runs), percent(group.runs, whole.runs),
            len(group.jobs), percent(len(group.jobs), jobs),
            len(group.users), len(group.accounts),
        )
        for kind, group in tally.top(groups, 0, tally.by_hours)
    ]  # fmt: skip
    sums = [round(whole.hours), 100.0, round(whole.runs), 100.0, jobs, 100.0]
    rows.append(("Total", *sums, None, None))
    return Table("overall", "Overall Job Counts", OVERALL_HEADINGS, rows, KIND_NOTES)


def percent(part, whole):
    """Return a part in percent of a whole, 0 of nothing."""
    return round(100.0 * part / whole, 4) if whole else 0.0


class Built:
    """What is known of the links that built the executables of some runs."""

    def __init__(self, counted, name_map):
        """Read the links of all programs of a RunTally. Read-only."""
        link_of = {
            program: link
            for program, (_path, _module, _type, link) in counted.programs.items()
            if link
        }
        links = queries.links_of(counted.database, set(link_of.values()))
        self.link_of = {program: links[uuid] for program, uuid in link_of.items() if uuid in links}
        self.compilers = Groups()  # link program -> Group
        self.compiled = Groups()  # (link program, code of the executable) -> Group
        self.by_others, self.by_users = Group(), Group()
        self._count(counted, name_map)
        self._tell_builders_apart(counted)

    def _count(self, counted, name_map):
        for (program, _set, _mpi), group in counted.groups.items():
            if program in self.link_of:
                compiler = self.link_of[program][0]
                code = name_map.code_of(counted.programs[program][0])
                self.compilers[compiler].join(group)
                self.compiled[compiler, code].join(group)

    def _tell_builders_apart(self, counted):
        """Count the runs of who built the executable, and those of others."""
        names = {build_user for _compiler, build_user in self.link_of.values()}
        ids = queries.ids_of_names(counted.database, names)
        groups = Groups()
        for (program, _set, _mpi), group in counted.groups.items():
            if program in self.link_of:
                groups[program].join(group)
        mixed = {}
        for program, group in groups.items():
            name = self.link_of[program][1]
            builder = ids.get(name, name)
            if group.users == {builder}:
                self.by_users.join(group)
            elif builder in group.users:
                mixed[program] = builder
            elif counted.programs[program][1] is None:
                self.by_others.join(group)
        self._split(counted, groups, mixed)

    def _split(self, counted, groups, builder_of):
        """Count the programs of which the builder is one user of several."""
        own = counted.of_users(builder_of) if builder_of else {}
        for program, builder in builder_of.items():
            group, (runs, hours) = groups[program], own[program]
            self.by_users.count(runs, hours, {builder}, set(), set())
            if counted.programs[program][1] is None:
                others = group.users - {builder}
                self.by_others.count(group.runs - runs, group.hours - hours, others, set(), set())


def builders(built):
    """Return the table of who ran what was built by the same user or another."""
    rows = [
        (kind, round(group.hours), round(group.runs), len(group.users))
        for kind, group in (("diff user", built.by_others), ("same user", built.by_users))
    ]
    headings = ("Kind", "CoreHrs", "# Runs", "# Users")
    title = "Comparing Self-build vs. Build User != Run User"
    return Table("builders", title, headings, rows)


def executables(counted, name_map, number):
    """Return the tables of the most used executables."""
    groups_of = {is_mpi: Groups() for is_mpi in (None, True, False)}
    for (program, _set, is_mpi), group in counted.groups.items():
        code = name_map.code_of(counted.programs[program][0])
        groups_of[None][code].join(group)
        groups_of[is_mpi][code].join(group)
    tables = []
    for style, word, is_mpi in STYLES:
        for order, words, key in ORDERS:
            found = tally.top(groups_of[is_mpi], number, key)
            millions = sum(group.hours for _code, group in found) * 1e-6
            title = f"Top {number} {word}Executables sorted by {words}"
            if order == "hours":
                title += f" (Total Core Hours(M): {millions:.6f})"
            rows = group_rows(found)
            tables.append(
                Table(f"executables_{style}_by_{order}", title, group_headings("Exec"), rows)
            )
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
    for (program, _set, _mpi), group in counted.groups.items():
        module = counted.programs[program][1]
        if module is not None:
            groups[module].join(group)
    found = tally.top(groups, number, tally.by_hours)
    title = f"Top {number} Modules used sorted by Core-hours"
    return Table("modules", title, group_headings("Modules"), group_rows(found))


def compiler_tables(database, selection, built):
    """Return the tables of what the executables were built with."""
    links = collections.Counter(
        program for _uuid, program, _user in queries.read_links(database, selection)
    )
    ordered = sorted(links.items(), key=lambda item: (-item[1], item[0]))
    rows = [(count, program) for program, count in ordered]
    found = group_rows(tally.top(built.compilers, 0, tally.by_hours))
    headings = group_headings("Link Program")
    return [
        Table("compilers_by_count", "Compiler usage by Count", ("Count", "Link Program"), rows,
              selection.link_notes()),
        Table("compilers_by_hours", "Compiler usage by Corehours", headings, found),
    ]  # fmt: skip


def one_compiler(built, program, number):
    """Return the table of the executables that one compiler built."""
    groups = {code: group for (one, code), group in built.compiled.items() if one == program}
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
            rows = group_rows(tally.top_joined(groups, number), with_jobs=True)
            headings = group_headings("Library Module", with_jobs=True)
            tables.append(Table(prefix + key, title, headings, rows))
    return tables
