"""What --report of xalt_usage_report shows: packages, GPUs, containers, accounts, fields, runs
without an end; for the last use of modules see last_use.py. Read-only."""

import collections

from xaltload import queries, tally
from xaltload.last_use import last_used
from xaltload.tables import Table
from xaltload.tally import SECONDS_PER_HOUR, Groups
from xaltload.usage_report import percent

RUNS_PER_PACKAGE_QUERY = 500
NO_FIELD = "(unknown)"


class Question:
    """What is asked: a database, a Selection, a NameMap, how many rows, weighted or not."""

    def __init__(self, database, selection, name_map, number=20, weighted=False, modules=()):
        """modules are the names of all modules of the site, for last_used."""
        self.database, self.selection, self.name_map = database, selection, name_map
        self.number, self.weighted, self.modules = number, weighted, modules

    def runs(self, *columns):
        """Yield (weight, core hours, user, account, *columns) of the selected runs."""
        names = ("probability", "run_time", "num_cores", "user", "account", *columns)
        for row in queries.read_runs(self.database, self.selection, names):
            yield (*self.measured(*row[:3]), *row[3:])

    def measured(self, probability, seconds, cores):
        """Return (how many runs one stands for, their core hours)."""
        weight = queries.weight_of(probability) if self.weighted else 1
        return weight, seconds * cores * weight / SECONDS_PER_HOUR


def packages(question):
    """Return the table of the packages that interpreters imported."""
    database, selection = question.database, question.selection
    condition, values = selection.conditions(database, "r.syshost", "r.queue")
    quote = database.dialect.quote
    sql = (
        "SELECT DISTINCT p.program, p.pkg_name, r.run_id, r.probability, r.run_time, r.num_cores,"  # noqa: S608
        f" r.{quote('user')}, r.account FROM xalt_run r JOIN xalt_pkg p ON p.run_id = r.run_id"
        f" WHERE r.date >= ? AND r.date < ?{condition}"
    )
    groups = Groups()
    for start, end in queries.slices(database, "xalt_run", selection, RUNS_PER_PACKAGE_QUERY):
        for program, name, _run_id, *row in database.rows(sql, [start, end, *values]):
            weight, hours = question.measured(*row[:3])
            groups[program, name].add(hours, weight, *row[3:])
    rows = [
        (round(group.runs), len(group.users), len(group.accounts), round(group.hours), *key)
        for key, group in tally.top(groups, question.number, tally.by_users)
    ]
    headings = ("# Runs", "# Users", "# Accts", "CoreHrs", "Program", "Package")
    return [Table("packages", "Packages sorted by # Users", headings, rows)]


def gpus(question):
    """Return the tables of the hours of GPUs, by executable and by account."""
    by_code, by_account = Groups(), Groups()
    columns = ("num_gpus", "run_time", "exec_path")
    for weight, _hours, user, account, count, seconds, path in question.runs(*columns):
        if count > 0:
            hours = seconds * count * weight / SECONDS_PER_HOUR
            by_code[question.name_map.code_of(path)].add(hours, weight, user, account)
            by_account[account].add(hours, weight, user, account)
    return [
        Table(key, f"GPU hours by {word}", gpu_headings(heading), gpu_rows(groups, question.number))
        for key, word, heading, groups in (
            ("gpus_by_executable", "executable", "Exec", by_code),
            ("gpus_by_account", "account", "Account", by_account),
        )
    ]


def gpu_headings(name):
    """Return the headings of a table of GPU hours."""
    return ("GPU Hrs", "# Users", "# Accts", "# Runs", name)


def gpu_rows(groups, number):
    """Return the rows of a table of GPU hours."""
    return [
        (round(group.hours, 2), len(group.users), len(group.accounts), round(group.runs), name)
        for name, group in tally.top(groups, number, tally.by_hours)
    ]


def containers(question):
    """Return the table of what ran in containers."""
    groups = Groups()
    columns = ("container", "exec_path")
    for weight, hours, user, account, container, path in question.runs(*columns):
        if container:
            code = question.name_map.code_of(path)
            groups[container, code].add(hours, weight, user, account)
    rows = [
        (round(group.hours), len(group.users), len(group.accounts), round(group.runs), *key)
        for key, group in tally.top(groups, question.number, tally.by_hours)
    ]
    headings = ("CoreHrs", "# Users", "# Accts", "# Runs", "Container", "Exec")
    return [Table("containers", "Executables in containers sorted by Core-hours", headings, rows)]


def accounts(question):
    """Return the table of core hours by account."""
    groups = groups_of(question, lambda account: account)
    title = "Accounts sorted by Core-hours"
    return [Table("accounts", title, count_headings("Account"), count_rows(groups, question))]


def fields(question):
    """Return the tables of core hours by directorate and by field of science."""
    sql = "SELECT account, field_of_science, directorate FROM xalt_field_of_science"
    known = {row[0]: tuple(row[1:]) for row in question.database.rows(sql)}
    nothing = (NO_FIELD, NO_FIELD)
    by_field, by_directorate = Groups(), Groups()
    both = groups_of(question, lambda account: known.get(account, nothing))
    for (field, directorate), group in both.items():  # directorates may have fields of one name
        by_field[field].join(group)
        by_directorate[directorate].join(group)
    return [
        Table("directorates", "Directorates sorted by Core-hours", count_headings("Directorate"),
              count_rows(by_directorate, question)),
        Table("fields", "Fields of science sorted by Core-hours",
              count_headings("Field of Science"), count_rows(by_field, question)),
    ]  # fmt: skip


def groups_of(question, name_of):
    """Return {name_of(account): Group} of the selected runs, with their jobs."""
    groups = Groups()
    for row in question.runs("syshost", "job_id"):
        weight, hours, user, account, syshost, job_id = row
        group = groups[name_of(account)]
        group.add(hours, weight, user, account)
        if job_id != tally.UNKNOWN:
            group.jobs.add((syshost, job_id))
    return groups


def count_headings(name):
    """Return the headings of a table of accounts or fields."""
    return ("CoreHrs", "CoreHrs %", "# Users", "# Accts", "# Runs", "# Jobs", name)


def count_rows(groups, question):
    """Return the rows of a table of accounts or fields."""
    total = sum(group.hours for group in groups.values())
    return [
        (
            round(group.hours), percent(group.hours, total), len(group.users),
            len(group.accounts), round(group.runs), len(group.jobs), name,
        )
        for name, group in tally.top(groups, question.number, tally.by_hours)
    ]  # fmt: skip


def unended(question):
    """Return the tables of runs that started and of which no end is known."""
    groups, latest = Groups(), []
    all_runs: collections.Counter = collections.Counter()
    columns = ("end_time", "exec_path", "date", "syshost", "job_id", "run_uuid")
    for weight, _hours, user, account, end_time, path, *rest in question.runs(*columns):
        code = question.name_map.code_of(path)
        all_runs[code] += weight
        if end_time <= 0:
            groups[code].add(0.0, weight, user, account)
            date, syshost, job_id, uuid = rest
            latest.append((str(date), user, account, syshost, job_id, uuid, path))
            if len(latest) > 2 * question.number + 1000:
                latest = sorted(latest, reverse=True)[: question.number]
    rows = [
        (round(group.runs), round(all_runs[code]), percent(group.runs, all_runs[code]),
         len(group.users), code)
        for code, group in tally.top(groups, question.number, tally.by_runs)
    ]  # fmt: skip
    headings = ("Unended", "# Runs", "Unended %", "# Users", "Exec")
    latest_headings = ("Started", "User", "Account", "Syshost", "Job", "Run", "Executable")
    return [
        Table("unended", "Runs that started and did not end, by executable", headings, rows),
        Table("unended_runs", f"The latest {question.number} of them", latest_headings,
              sorted(latest, reverse=True)[: question.number]),
    ]  # fmt: skip


REPORTS = {
    "packages": packages,
    "gpus": gpus,
    "containers": containers,
    "accounts": accounts,
    "fields": fields,
    "unended": unended,
    "lastused": last_used,
}
