"""Count runs in groups: core hours, runs, jobs, users, accounts."""

from typing import NamedTuple

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
        runs = list(unprepared(self.database, self.selection, self.weighted))
        objects: dict = {run.run_id: set() for run in runs}
        for run_id, obj_id in queries.libraries_of_runs(self.database, objects):
            objects[run_id].add(obj_id)
        for run in runs:
            own_id = -run.run_id  # of a program and a set that have no number
            self.programs[own_id], self._members[own_id] = run.program, objects[run.run_id]
            self.groups[own_id, own_id, run.cores > 1].count(*run.counts)
            if run.queue == LARGE_MEMORY:
                self.large_sets[own_id].count(*run.counts)

    def read_large_memory(self):
        """Read the groups of the queue for large memory too; return self."""
        ids = list(queries.ids_of_names(self.database, [LARGE_MEMORY]).values())
        if ids:
            rows = queries.read_groups(
                self.database, self.selection, ("set_id",), self.weighted, " AND queue_id = ?", ids
            )
            for set_id, *counts in rows:
                self.large_sets[set_id].count(*counts)
        return self

    def by_set(self):
        """Return {set_id: Groups of its runs}."""
        found: dict = {}
        for (_program, set_id, _mpi), group in self.groups.items():
            found.setdefault(set_id, []).append(group)
        return found

    def members(self, set_ids):
        """Return {set_id: obj_ids}; sets that were asked for before are remembered. Read-only."""
        missing = {set_id for set_id in set_ids if set_id > 0 and set_id not in self._members}
        self._members.update(queries.members_of_sets(self.database, missing))
        return self._members

    def of_users(self, user_of):
        """Return {program_id: (runs, core hours)} of one user each ({program_id: user_id}).
        Read-only."""
        users = sorted({user for user in user_of.values() if isinstance(user, int)})
        condition = ""
        values: list[int] = []
        # The sums keep the database from looking up each of them by its own index.
        for column, numbers in (("user_id + 0", users), ("program_id + 0", sorted(user_of))):
            if len(numbers) <= queries.MOST_NUMBERS_NAMED:
                condition += f" AND {column} IN ({', '.join('?' * len(numbers))})"
                values += numbers
        found: dict = {}
        keys = ("program_id", "user_id")
        for program, user, runs, hours in queries.read_sums(
            self.database, self.selection, keys, self.weighted, (), condition, values
        ):
            if user_of.get(program) == user:
                before = found.get(program, (0.0, 0.0))
                found[program] = (before[0] + runs, before[1] + hours)
        return found


class Unprepared(NamedTuple):
    """A run that another program has stored, and no loader has prepared for the reports yet."""

    run_id: int
    program: tuple  # (exec_path, module, exec_type, link_uuid)
    queue: str
    cores: int
    seconds: float
    counts: tuple  # arguments of Group.count


def unprepared(database, selection, weighted):
    """Yield the Unprepared runs of a Selection. Read-only."""
    rows = list(queries.unprepared_runs(database, selection, UNPREPARED))
    ids = queries.ids_of_names(database, {name for row in rows for name in row[5:7]})
    for row in rows:
        run_id, *program, user, account, queue, syshost, job_id, cores, seconds, chance = row
        runs = queries.weight_of(chance) if weighted else 1
        jobs = set() if job_id == UNKNOWN else {job_number(syshost, job_id)}
        hours = seconds * cores * runs / SECONDS_PER_HOUR
        counts = (runs, hours, {ids.get(user, user)}, {ids.get(account, account)}, jobs)
        yield Unprepared(run_id, tuple(program), queue, cores, seconds, counts)


def libraries(database, tally, pattern="%", large_only=False):
    """Return {module: Groups of the runs that loaded a library of the module}, as lists.

    Of the libraries of a module the one with the most core hours counts, so that several in one
    run do not count the run several times.
    """
    wanted = queries.module_objects(database, pattern)
    if large_only:
        sets = {set_id: [group] for set_id, group in tally.large_sets.items()}
    else:
        sets = tally.by_set()
    members = tally.members(sets)
    found = []
    for set_id, groups in sets.items():
        paths = {wanted[obj_id] for obj_id in members.get(set_id, ()) if obj_id in wanted}
        if paths:
            found.append((groups, paths))
    return of_modules(found)


def of_modules(found):
    """Return {module: Groups}; found are (Groups, {(path, module)}) pairs."""
    sums: dict = {}
    for groups, paths in found:
        hours = hours_of(groups)
        for path in paths:
            sums[path] = sums.get(path, 0.0) + hours
    hours_of_path = {path: comparable(total) for path, total in sums.items()}
    best: dict = {}  # module -> (path, module)
    for path in sorted(hours_of_path):
        module = path[1]
        if module not in best or hours_of_path[path] > hours_of_path[best[module]]:
            best[module] = path
    chosen = set(best.values())
    modules: dict = {}
    for groups, paths in found:
        for path in paths & chosen:
            modules.setdefault(path[1], []).extend(groups)
    return modules


def family_of(module):
    """Return the family of a module: its name without flavour and version."""
    return module.partition("(")[0].rpartition("/")[0] or module.partition("(")[0]


def families(modules):
    """Return {family: Groups} of {module: Groups}; who used several versions counts once."""
    found: dict = {}
    for module, groups in modules.items():
        found.setdefault(family_of(module), []).extend(groups)
    return found


def hours_of(groups):
    """Return the core hours of some Groups."""
    return sum(group.hours for group in groups)


def top_joined(groups_of, number):
    """Yield the first (name, Group) pairs of {name: Groups} by falling core hours; 0 means all.

    Each Group is made when it is asked for: all of them together may take much memory.
    """
    ordered = sorted(groups_of.items(), key=lambda item: (-comparable(hours_of(item[1])), item[0]))
    for name, groups in ordered[:number] if number else ordered:
        whole = Group()
        for group in groups:
            whole.join(group)
        yield name, whole


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
