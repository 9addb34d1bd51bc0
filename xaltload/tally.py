"""Count runs in groups: core hours, runs, jobs, users, accounts."""

from xaltload import queries
from xaltload.record import UNKNOWN

SECONDS_PER_HOUR = 3600.0
COLUMNS = (
    "exec_path", "module_name", "user", "account", "num_cores", "run_time", "probability",
    "exec_type", "syshost", "job_id", "uuid", "set_id", "run_id", "queue",
)  # fmt: skip
LARGE_MEMORY = "largemem"


class Group:
    """The counts of some runs."""

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

    def join(self, other):
        """Count what another Group counts."""
        self.hours += other.hours
        self.runs += other.runs
        self.users |= other.users
        self.accounts |= other.accounts
        self.jobs |= other.jobs


class Groups(dict):
    """Groups by any key; a missing one is made."""

    def __missing__(self, key):
        group = self[key] = Group()
        return group


class RunTally:
    """What the reports need of all selected runs, gathered in one pass.

    A run that was recorded with a probability p stands for 1/p runs if the report is weighted.
    """

    def __init__(self, name_map, weighted=False, with_builders=True):
        """name_map gives the code of an executable; with_builders looks up who built it."""
        self.name_map, self.weighted = name_map, weighted
        self.with_builders = with_builders
        # (code, module or None, user, account, is MPI, is binary) -> [runs, core hours]
        self.kinds: dict = {}
        self.jobs: dict = {}  # (syshost, job_id) -> number
        self.system_jobs: set = set()
        self.user_jobs: set = set()
        self.sets = Groups()  # set_id -> Group
        self.large_sets = Groups()  # the same of the queue for large memory
        self.unsettled: list = []  # (run_id, Group of that run, is in that queue)
        self.built_by_others = Group()
        self.built_by_users = Group()
        self.compilers = Groups()  # link program -> Group
        self.compiled = Groups()  # (link program, code) -> Group
        self._links: dict = {}

    def read(self, database, selection):
        """Count the runs that a Selection takes; return self."""
        batch = []
        for row in queries.read_runs(database, selection, COLUMNS):
            batch.append(row)
            if len(batch) == queries.ROWS_PER_QUERY:
                self.add(database, batch)
                batch = []
        self.add(database, batch)
        return self

    def add(self, database, rows):
        """Count some rows of COLUMNS."""
        if self.with_builders:
            self._look_up_links(database, {row[10] for row in rows} - {None})
        code_of, kinds, jobs, links = self.name_map.code_of, self.kinds, self.jobs, self._links
        for row in rows:
            (path, module, user, account, cores, seconds, probability, exec_type, syshost, job_id,
             uuid, set_id, run_id, queue) = row  # fmt: skip
            runs = 1 / probability if self.weighted and 0 < probability < 1 else 1
            hours = seconds * cores * runs / SECONDS_PER_HOUR
            code, is_binary = code_of(path), exec_type == "binary"
            counted = kinds.setdefault(
                (code, module, user, account, cores > 1, is_binary), [0, 0.0]
            )
            counted[0] += runs
            counted[1] += hours
            job = None
            if job_id != UNKNOWN:
                job = jobs.setdefault((syshost, job_id), len(jobs))
                if is_binary:
                    (self.user_jobs if module is None else self.system_jobs).add(job)
            self._add_libraries(set_id, run_id, queue, (hours, runs, user, account), job)
            if uuid is not None and links.get(uuid):
                self._add_built(links[uuid], code, module, (hours, runs, user, account))

    def _add_libraries(self, set_id, run_id, queue, counts, job):
        is_large = queue == LARGE_MEMORY
        if set_id is None:
            group = Group()
            self.unsettled.append((run_id, group, is_large))
            groups = [group]
        else:
            groups = (
                [self.sets[set_id], self.large_sets[set_id]] if is_large else [self.sets[set_id]]
            )
        for group in groups:
            group.add(*counts)
            if job is not None:
                group.jobs.add(job)

    def _add_built(self, link, code, module, counts):
        program, build_user = link
        if counts[2] == build_user:
            self.built_by_users.add(*counts)
        elif module is None:
            self.built_by_others.add(*counts)
        self.compilers[program].add(*counts)
        self.compiled[program, code].add(*counts)

    def _look_up_links(self, database, uuids):
        missing = sorted(uuid for uuid in uuids if uuid not in self._links)
        if missing:
            found = queries.links_of(database, missing)
            self._links.update((uuid, found.get(uuid)) for uuid in missing)


def libraries(database, tally, pattern="%", large_only=False):
    """Return {module: Group} of the runs that loaded a library of the module.

    Of the libraries of a module the one with the most core hours counts, so that several in one
    run do not count the run several times.
    """
    wanted = queries.module_objects(database, pattern)
    sets = tally.large_sets if large_only else tally.sets
    paths_of_set: dict = {}
    for set_id, obj_id in queries.members_of_sets(database, sets):
        if obj_id in wanted:
            paths_of_set.setdefault(set_id, set()).add(wanted[obj_id])
    groups = [(sets[set_id], paths) for set_id, paths in paths_of_set.items()]
    unsettled = {run_id: group for run_id, group, is_large in tally.unsettled
                 if is_large or not large_only}  # fmt: skip
    for run_id, obj_id in queries.libraries_of_runs(database, unsettled):
        if obj_id in wanted:
            groups.append((unsettled[run_id], {wanted[obj_id]}))
    return of_modules(groups)


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
