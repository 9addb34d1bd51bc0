"""Count runs in groups: core hours, runs, jobs, users, accounts."""

from xaltload import queries
from xaltload.keys import job_number
from xaltload.record import UNKNOWN

SECONDS_PER_HOUR = 3600.0
LARGE_MEMORY = "largemem"
MPI = "CASE WHEN num_cores > 1 THEN 1 ELSE 0 END"
UNPREPARED = (
    "run_id", "exec_path", "module_name", "exec_type", "uuid", "user", "account", "queue",
    "syshost", "job_id", "num_cores", "run_time", "probability",
)  # fmt: skip


class Group:
    """The counts of some runs; users, accounts and jobs are sets of what stands for them."""

    __slots__ = ("hours", "runs", "users", "accounts", "jobs")

    def __init__(self):
        self.hours = self.runs = 0.0
        self.users: set = set()
        self.accounts: set = set()
        self.jobs: set = set()

    def add(self, hours, runs, user, account):
        """Count runs of one user and account."""
        self.hours += hours
        self.runs += runs
        self.users.add(user)
        self.accounts.add(account)

    def count(self, runs, hours, users, accounts, jobs):
        """Count runs of some users, accounts and jobs."""
        self.hours += hours
        self.runs += runs
        self.users |= users
        self.accounts |= accounts
        self.jobs |= jobs

    def join(self, other):
        """Count what another Group counts."""
        self.count(other.runs, other.hours, other.users, other.accounts, other.jobs)


class Groups(dict):
    """Groups by any key; a missing one is made."""

    def __missing__(self, key):
        group = self[key] = Group()
        return group


class RunTally:
    """What the reports need of all selected runs, by program, set of libraries, and MPI."""

    def __init__(self, database, selection, weighted=False):
        """Read the groups of a Selection. Read-only."""
        self.database, self.selection, self.weighted = database, selection, weighted
        self.groups = Groups()  # (program_id, set_id, is MPI) -> Group
        self.programs: dict = {}  # program_id -> (exec_path, module, exec_type, link_uuid)
        self.large_sets = Groups()  # set_id -> Group, of the queue for large memory
        self._members: dict = {}  # set_id -> obj_ids
        keys = ("program_id", "set_id", MPI)
        for program, set_id, is_mpi, *counts in queries.read_groups(
            database, selection, keys, weighted
        ):
            self.groups[program, set_id, bool(is_mpi)].count(*counts)
        self.programs.update(queries.programs(database, {key[0] for key in self.groups}))
        self._add_unprepared()

    def _add_unprepared(self):
        """Count the runs that another program has stored since the last load."""
        rows = list(queries.unprepared_runs(self.database, self.selection, UNPREPARED))
        ids = queries.ids_of_names(
            self.database, {name for row in rows for name in row[5:7]}
        )  # fmt: skip
        objects: dict = {row[0]: set() for row in rows}
        for run_id, obj_id in queries.libraries_of_runs(self.database, objects):
            objects[run_id].add(obj_id)
        for row in rows:
            run_id, *program, user, account, queue, syshost, job_id, cores, seconds, chance = row
            own_id = -run_id  # of a program and a set that have no number
            self.programs[own_id], self._members[own_id] = tuple(program), objects[run_id]
            runs = 1 / chance if self.weighted and 0 < chance < 1 else 1
            jobs = set() if job_id == UNKNOWN else {job_number(syshost, job_id)}
            hours = seconds * cores * runs / SECONDS_PER_HOUR
            counts = (runs, hours, {ids.get(user, user)}, {ids.get(account, account)}, jobs)
            self.groups[own_id, own_id, cores > 1].count(*counts)
            if queue == LARGE_MEMORY:
                self.large_sets[own_id].count(*counts)

    def read_large_memory(self):
        """Read the groups of the queue for large memory too; return self."""
        ids = queries.ids_of_names(self.database, [LARGE_MEMORY])
        if ids:
            rows = queries.read_groups(
                self.database, self.selection, ("set_id",), self.weighted, " AND queue_id = ?",
                list(ids.values()),
            )  # fmt: skip
            for set_id, *counts in rows:
                self.large_sets[set_id].count(*counts)
        return self

    def by_set(self):
        """Return {set_id: Group}."""
        found = Groups()
        for (_program, set_id, _mpi), group in self.groups.items():
            found[set_id].join(group)
        return found

    def members(self, set_ids):
        """Return {set_id: obj_ids}; sets that were asked for before are remembered. Read-only."""
        missing = {set_id for set_id in set_ids if set_id > 0 and set_id not in self._members}
        self._members.update(queries.members_of_sets(self.database, missing))
        return self._members

    def of_users(self, program_ids):
        """Yield (program_id, user_id, Group) of some programs. Read-only."""
        found = Groups()
        for start in range(0, len(program_ids), queries.PROGRAMS_PER_QUERY):
            part = program_ids[start : start + queries.PROGRAMS_PER_QUERY]
            condition = f" AND program_id IN ({', '.join('?' * len(part))})"
            keys = ("program_id", "user_id")
            for program, user, *counts in queries.read_groups(
                self.database, self.selection, keys, self.weighted, condition, part
            ):
                found[program, user].count(*counts)
        for (program, user), group in found.items():
            yield program, user, group


def libraries(database, tally, pattern="%", large_only=False):
    """Return {module: Group} of the runs that loaded a library of the module.

    Of the libraries of a module the one with the most core hours counts, so that several in one
    run do not count the run several times.
    """
    wanted = queries.module_objects(database, pattern)
    sets = tally.large_sets if large_only else tally.by_set()
    members = tally.members(sets)
    found = []
    for set_id, group in sets.items():
        paths = {wanted[obj_id] for obj_id in members.get(set_id, ()) if obj_id in wanted}
        if paths:
            found.append((group, paths))
    return of_modules(found)


def of_modules(groups):
    """Return {module: Group}; groups are (Group, {(path, module)}) pairs."""
    sums: dict = {}
    for group, paths in groups:
        for path in paths:
            sums[path] = sums.get(path, 0.0) + group.hours
    hours = {path: comparable(total) for path, total in sums.items()}
    best: dict = {}  # module -> (path, module)
    for path in sorted(hours):
        module = path[1]
        if module not in best or hours[path] > hours[best[module]]:
            best[module] = path
    chosen = set(best.values())
    found = Groups()
    for group, paths in groups:
        for path in paths & chosen:
            found[path[1]].join(group)
    return dict(found)


def family_of(module):
    """Return the family of a module: its name without flavour and version."""
    return module.partition("(")[0].rpartition("/")[0] or module.partition("(")[0]


def families(modules):
    """Return {family: Group} of {module: Group}; who used several versions counts once."""
    found = Groups()
    for module, group in modules.items():
        found[family_of(module)].join(group)
    return dict(found)


def top(groups, number, key):
    """Return the first (name, Group) pairs by falling key(group); ties by core hours, then name.

    number 0 or None means all.
    """
    ordered = sorted(groups.items(), key=lambda item: str(item[0]))
    ordered.sort(key=lambda item: by_hours(item[1]), reverse=True)
    ordered.sort(key=lambda item: key(item[1]), reverse=True)
    return ordered[:number] if number else ordered


def by_hours(group):
    """Sort by core hours."""
    return comparable(group.hours)


def comparable(hours):
    """Return core hours without what the order of adding makes of them."""
    return round(hours, 6)


def by_runs(group):
    """Sort by runs."""
    return group.runs


def by_users(group):
    """Sort by users."""
    return len(group.users)
