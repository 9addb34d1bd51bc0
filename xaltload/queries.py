"""Read what the reports are made of, in portions of bounded size. Read-only."""

import datetime

from usagedb.database import in_parts, like_pattern, marks

ROWS_PER_QUERY = 20_000
# Runs that the database groups at once: their lists of jobs fit into one packet of MySQL's, 16 MB.
GROUPED_RUNS_PER_QUERY = 400_000
PROGRAMS_PER_QUERY = 5000
MOST_NUMBERS_NAMED = 5000
SHORTEST, DAY = datetime.timedelta(seconds=1), datetime.timedelta(days=1)
# A run that was recorded with probability p stands for 1/p runs in a weighted report; what is less
# than any site has is no probability, and 1/p of it might be infinite.
LEAST_DIVISOR = 1e-12
WEIGHT = (
    f"CASE WHEN probability >= {LEAST_DIVISOR:.12f} AND probability < 1"
    " THEN 1 / probability ELSE 1 END"
)


def read_groups(database, selection, keys, weighted=False, condition="", values=()):
    """Yield (*keys, runs, core hours, users, accounts, jobs) of the selected runs.

    keys are columns or other expressions to group by; condition as in read_sums. Users, accounts
    and jobs are sets of numbers. A group may come several times, with different runs. Only runs
    that are prepared are counted: see unprepared_runs.
    """
    lists = map(database.dialect.joined, ("user_id", "account_id", "job_number"))
    for row in read_sums(database, selection, keys, weighted, tuple(lists), condition, values):
        *first, users, accounts, jobs = row
        yield (*first, numbers_of(users), numbers_of(accounts), numbers_of(jobs))


def read_sums(database, selection, keys, weighted=False, more=(), condition="", values=()):
    """Yield (*keys, runs, core hours, *more) of the selected runs that are prepared.

    more are further aggregates; condition is SQL that begins with AND, with its values.
    """
    names, name_values = name_conditions(database, selection)
    weight = WEIGHT if weighted else "1"
    sums = (f"SUM({weight})", f"SUM(run_time * num_cores * {weight}) / 3600.0")
    sql = (
        f"SELECT {', '.join((*keys, *sums, *more))} FROM xalt_run"  # noqa: S608
        " WHERE date >= ? AND date < ? AND cluster_id IS NOT NULL"
        f"{names}{condition} GROUP BY {', '.join(keys)}"
    )
    width = len(keys)
    for start, end in slices(database, "xalt_run", selection, GROUPED_RUNS_PER_QUERY):
        for row in database.rows(sql, [start, end, *name_values, *values]):
            yield (*row[:width], float(row[width]), float(row[width + 1]), *row[width + 2 :])


def weight_of(probability):
    """Return for how many runs one stands in a weighted report: WEIGHT, in Python."""
    return 1 / probability if LEAST_DIVISOR <= probability < 1 else 1


def numbers_of(text):
    """Return the numbers of a list that Dialect.joined made."""
    if text is None:
        return set()
    text = text.decode() if isinstance(text, bytes) else str(text)
    return set(map(int, text.split(",")))


def name_conditions(database, selection):
    """Return (SQL that begins with AND or is empty, parameters) for cluster and queue."""
    sql, values = "", []
    for column, pattern in (("cluster_id", selection.syshost), ("queue_id", selection.queue)):
        if pattern != "%":
            ids = name_ids(database, pattern)
            sql += f" AND {column} IN ({marks(ids) or 'NULL'})"
            values += ids
    return sql, values


def name_ids(database, pattern):
    """Return the numbers of the names that match an SQL pattern."""
    sql = f"SELECT name_id FROM xalt_name WHERE {database.like('name')}"  # noqa: S608
    return [row[0] for row in database.rows(sql, (like_pattern(pattern, fold=False),))]


def ids_of_names(database, names):
    """Return {name: number} of the names that have one."""
    sql = "SELECT name, name_id FROM xalt_name WHERE name IN ({})"
    return dict(in_parts(database, sql, sorted(names)))


def programs(database, program_ids):
    """Return {program_id: (exec_path, module, exec_type, link_uuid)}."""
    sql = (
        "SELECT program_id, exec_path, module_name, exec_type, link_uuid FROM xalt_program"
        " WHERE program_id IN ({})"
    )
    found = in_parts(database, sql, sorted(program_ids), PROGRAMS_PER_QUERY)
    return {row[0]: tuple(row[1:]) for row in found}


def unprepared_runs(database, selection, columns):
    """Yield tuples of columns of the selected runs that another program has stored, and that no
    loader has prepared for the reports yet."""
    condition, values = selection.conditions(database, "syshost", "queue")
    names = database.dialect.quote_all(columns)
    sql = (
        f"SELECT {names} FROM xalt_run WHERE cluster_id IS NULL AND date >= ? AND date < ?"  # noqa: S608
        f"{condition}"
    )
    days = [f"{selection.start} 00:00:00", f"{selection.end} 00:00:00"]
    yield from database.rows(sql, [*days, *values])


def read_runs(database, selection, columns):
    """Yield tuples of these columns of xalt_run for the runs that a Selection takes."""
    condition, values = selection.conditions(database, "syshost", "queue")
    names = database.dialect.quote_all(columns)
    sql = f"SELECT {names} FROM xalt_run WHERE date >= ? AND date < ?{condition}"  # noqa: S608
    for start, end in slices(database, "xalt_run", selection):
        yield from database.rows(sql, [start, end, *values])


def slices(database, table, selection, most_rows=ROWS_PER_QUERY):
    """Yield (start, end) texts that together are the selected days, each of not too many rows."""
    midnight = datetime.time()
    start = datetime.datetime.combine(selection.start, midnight)
    last = datetime.datetime.combine(selection.end, midnight)
    start, last = clipped(database, table, start, last)
    day, rows = start, 0  # rows between start and day
    while day < last:
        following = day + DAY
        count = count_between(database, table, day, following)
        if rows + count > most_rows:
            if rows:
                yield text_of(start), text_of(day)
            start, rows = day, 0
            if count > most_rows:
                yield from halved(database, table, day, following, most_rows)
                start, count = following, 0
        day, rows = following, rows + count
    if rows:
        yield text_of(start), text_of(last)


def clipped(database, table, start, end):
    """Return the part of a span that has rows."""
    sql = f"SELECT MIN(date), MAX(date) FROM {table} WHERE date >= ? AND date < ?"  # noqa: S608
    first, last = database.rows(sql, (text_of(start), text_of(end)))[0]
    if first is None:
        return end, end
    first = datetime.datetime.fromisoformat(str(first)[:10])
    last = datetime.datetime.fromisoformat(str(last)[:10]) + datetime.timedelta(days=1)
    return max(first, start), min(last, end)


def halved(database, table, start, end, most_rows):
    """Yield a span, or its halves if it has too many rows."""
    count = count_between(database, table, start, end)
    if count > most_rows and end - start > SHORTEST:
        middle = (start + (end - start) / 2).replace(microsecond=0)
        yield from halved(database, table, start, middle, most_rows)
        yield from halved(database, table, middle, end, most_rows)
    elif count:
        yield text_of(start), text_of(end)


def count_between(database, table, start, end):
    """Return how many rows a table has between two local times."""
    sql = f"SELECT COUNT(*) FROM {table} WHERE date >= ? AND date < ?"  # noqa: S608
    return database.rows(sql, (text_of(start), text_of(end)))[0][0]


def text_of(moment):
    """Return a local time as the tables hold it."""
    return moment.isoformat(" ", "seconds")


def read_links(database, selection):
    """Yield (uuid, link_program, build_user) of the links that a Selection takes."""
    condition, values = selection.conditions(database, "build_syshost")
    sql = "SELECT uuid, link_program, build_user FROM xalt_link WHERE date >= ? AND date < ?"
    sql += condition
    for start, end in slices(database, "xalt_link", selection):
        yield from database.rows(sql, [start, end, *values])


def links_of(database, uuids):
    """Return {uuid: (link_program, build_user)} of the links with these uuids."""
    sql = "SELECT uuid, link_program, build_user FROM xalt_link WHERE uuid IN ({})"
    return {row[0]: tuple(row[1:]) for row in in_parts(database, sql, uuids)}


def module_objects(database, pattern="%"):
    """Return {obj_id: (path, module)} of the objects whose module matches an SQL pattern."""
    sql = "SELECT obj_id, object_path, module_name FROM xalt_object WHERE module_name IS NOT NULL"
    values = []
    if pattern != "%":
        sql += f" AND {database.like('module_name')}"
        values.append(like_pattern(pattern, fold=False))
    return {row[0]: tuple(row[1:]) for row in database.rows(sql, values)}


def members_of_sets(database, set_ids):
    """Return {set_id: set of obj_ids} of some sets of libraries."""
    sql = (
        f"SELECT set_id, {database.dialect.joined('obj_id')} FROM xalt_set_object"  # noqa: S608
        " WHERE set_id IN ({}) GROUP BY set_id"
    )
    return {set_id: numbers_of(text) for set_id, text in in_parts(database, sql, sorted(set_ids))}


def libraries_of_runs(database, run_ids):
    """Yield (run_id, obj_id) of runs whose set is not known."""
    sql = "SELECT DISTINCT run_id, obj_id FROM join_run_object WHERE run_id IN ({})"
    yield from in_parts(database, sql, sorted(run_ids))
