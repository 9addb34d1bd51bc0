"""When each module was last used: by a run of its executables, by a run that loaded one of its
libraries, by a link. Read-only."""

from usagedb.database import marks
from xaltload import queries
from xaltload.tables import Table

DATES_PER_QUERY = 500
# Modules whose objects were linked, and those that were loaded for building.
LINKED = (
    "SELECT o.module_name, MAX(j.date) FROM join_link_object j JOIN xalt_object o"
    " ON o.obj_id = j.obj_id WHERE o.module_name IS NOT NULL{} GROUP BY o.module_name"
)
BUILDING = (
    "SELECT link_module_name, MAX(date) FROM xalt_link WHERE link_module_name IS NOT NULL{}"
    " GROUP BY link_module_name"
)


def last_used(question):
    """Return the table of the last use of every module on any day, those never used included."""
    database, selection = question.database, question.selection
    moments = last_runs(database, selection)
    runs = {name: day_of(moment) for name, moment in moments.items()}
    libraries = last_library_use(database, selection)
    links = last_link_use(database, selection)
    names = {*question.modules, *runs, *libraries, *links}
    users = last_users(database, selection, moments)
    rows = []
    for name in names:
        days = [found.get(name) for found in (runs, libraries, links)]
        last = max(filter(None, days), default="never")
        rows.append((last, *(day or "" for day in days), *users.get(name, ("", "")), name))
    rows.sort(key=lambda row: (row[0] != "never", row[0], row[-1]))
    headings = ("Last Use", "Last Run", "Last Library", "Last Link", "User", "Job", "Module")
    title = "Last use of modules, the longest unused first"
    return [Table("lastused", title, headings, rows, selection.link_notes())]


def day_of(moment):
    """Return the day of a date as the database gives it, as YYYY-MM-DD."""
    return str(moment)[:10]


def rows_of_days(database, sql, values=()):
    """Yield (key, day as YYYY-MM-DD) of a query."""
    for key, moment in database.rows(sql, values):
        yield key, day_of(moment)


def last_runs(database, selection):
    """Return {module: date of the last run of one of its executables}, as the database gives it."""
    condition, values = selection.conditions(database, "syshost", "queue")
    sql = (
        "SELECT module_name, MAX(date) FROM xalt_run WHERE module_name IS NOT NULL"  # noqa: S608
        f"{condition} GROUP BY module_name"
    )
    return dict(database.rows(sql, values))


def last_library_use(database, selection):
    """Return {module: last day on which a run loaded one of its libraries}."""
    module_of = {
        obj_id: module for obj_id, (_path, module) in queries.module_objects(database).items()
    }
    condition, values = queries.name_conditions(database, selection)
    sql = (
        "SELECT set_id, MAX(date) FROM xalt_run WHERE set_id > 0 AND cluster_id IS NOT NULL"  # noqa: S608
        f"{condition} GROUP BY set_id"
    )
    days = dict(rows_of_days(database, sql, values))
    found: dict = {}
    for set_id, obj_ids in queries.members_of_sets(database, days).items():
        for obj_id in obj_ids:
            note_last(found, module_of.get(obj_id), days[set_id])
    condition, values = selection.conditions(database, "syshost", "queue")
    sql = f"SELECT run_id, date FROM xalt_run WHERE cluster_id IS NULL{condition}"  # noqa: S608
    unprepared = dict(rows_of_days(database, sql, values))
    for run_id, obj_id in queries.libraries_of_runs(database, unprepared):
        note_last(found, module_of.get(obj_id), unprepared[run_id])
    return found


def last_link_use(database, selection):
    """Return {module: last day on which it built, or was linked into, an executable}.

    Links belong to no queue: that of the Selection is not asked.
    """
    found: dict = {}
    for syshost, sql in (("o.syshost", LINKED), ("build_syshost", BUILDING)):
        condition, values = selection.conditions(database, syshost)
        for name, day in rows_of_days(database, sql.format(condition), values):
            note_last(found, name, day)
    return found


def note_last(found, name, day):
    """Keep the latest day of a name; None is no name."""
    if name is not None and day > found.get(name, ""):
        found[name] = day


def last_users(database, selection, moments):
    """Return {module: (user, job)} of the last run of each module, given {module: its date}.

    The index by date finds them; of runs of one second the one that was loaded last counts.
    """
    condition, values = selection.conditions(database, "syshost", "queue")
    sql = (
        f"SELECT module_name, date, run_id, {database.dialect.quote('user')}, job_id FROM xalt_run"  # noqa: S608
        f" WHERE date IN ({{}}) AND module_name IS NOT NULL{condition}"
    )
    found: dict = {}
    dates = sorted(set(map(str, moments.values())))
    for start in range(0, len(dates), DATES_PER_QUERY):
        part = dates[start : start + DATES_PER_QUERY]
        for name, date, *run in database.rows(sql.format(marks(part)), [*part, *values]):
            if moments.get(name) == date:
                found[name] = max(found.get(name, run), run)
    return {name: (user, job) for name, (_run_id, user, job) in found.items()}
