"""Read what the reports are made of, in portions of bounded size. Read-only."""

import datetime

from usagedb.database import in_parts, like_pattern

ROWS_PER_QUERY = 20_000
SHORTEST = datetime.timedelta(seconds=1)


def read_runs(database, selection, columns):
    """Yield tuples of these columns of xalt_run for the runs that a Selection takes."""
    condition, values = selection.conditions(database, "syshost", "queue")
    names = ", ".join(map(database.dialect.quote, columns))
    sql = f"SELECT {names} FROM xalt_run WHERE date >= ? AND date < ?{condition}"  # noqa: S608
    for start, end in slices(database, "xalt_run", selection):
        yield from database.rows(sql, [start, end, *values])


def slices(database, table, selection, most_rows=ROWS_PER_QUERY):
    """Yield (start, end) texts that together are the selected days, each of not too many rows."""
    day = datetime.datetime.combine(selection.start, datetime.time())
    last = datetime.datetime.combine(selection.end, datetime.time())
    day, last = clipped(database, table, day, last)
    while day < last:
        following = min(day + datetime.timedelta(days=1), last)
        yield from halved(database, table, day, following, most_rows)
        day = following


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
    sql = f"SELECT COUNT(*) FROM {table} WHERE date >= ? AND date < ?"  # noqa: S608
    count = database.rows(sql, (text_of(start), text_of(end)))[0][0]
    if count > most_rows and end - start > SHORTEST:
        middle = (start + (end - start) / 2).replace(microsecond=0)
        yield from halved(database, table, start, middle, most_rows)
        yield from halved(database, table, middle, end, most_rows)
    elif count:
        yield text_of(start), text_of(end)


def text_of(moment):
    """Return a local time as the tables hold it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


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
    """Yield (set_id, obj_id) of some sets of libraries."""
    sql = "SELECT set_id, obj_id FROM xalt_set_object WHERE set_id IN ({})"
    yield from in_parts(database, sql, sorted(set_ids))


def libraries_of_runs(database, run_ids):
    """Yield (run_id, obj_id) of runs whose set is not known."""
    sql = "SELECT DISTINCT run_id, obj_id FROM join_run_object WHERE run_id IN ({})"
    yield from in_parts(database, sql, sorted(run_ids))
