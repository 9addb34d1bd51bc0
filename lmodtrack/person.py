"""People's data in the tables of module usage: exported, renamed, removed."""

import contextlib

from lmodtrack import months, userset
from lmodtrack.batch import USE_KEY, USE_MERGE
from lmodtrack.dimensions import module_digest
from lmodtrack.of_job import user_id_of
from lmodtrack.schema import LMOD, LOADER_LOCK
from usagedb.database import execute, fold_ascii, in_transaction
from usagedb.dates import iso_time, shown_day
from usagedb.dialects.base import INTEGER, SECONDS
from usagedb.locks import only_one
from usagedb.mentions import TEXT as TEXT_COLUMN
from usagedb.mentions import Mentions, changed_rows, fitted, naming_rows, sweep
from usagedb.person import CHANGED, REMOVED, PersonalData, opened_database, records
from usagedb.widths import longest_texts

USE_COLUMNS = (
    *((name, INTEGER) for name in USE_KEY), ("utc_offset", INTEGER), ("first_time", SECONDS),
    ("last_time", SECONDS), ("loads", INTEGER), ("user_loads", INTEGER),
)  # fmt: skip
USER_LOAD = {1: "yes", 0: "no", -1: None}
LOG_NAMES = Mentions("lmod_log", "log_id", (("name", TEXT_COLUMN),))
MODULE_PATHS = Mentions(
    "lmod_module", "module_id", (("module_name", TEXT_COLUMN), ("path", TEXT_COLUMN))
)


@contextlib.contextmanager
def opened(places):
    """Give the block the Database, None if there is none; no loader runs in a block that writes:
    it remembers the numbers of users."""
    with opened_database(places, LMOD) as database:
        if database is None or not places.to_write:
            yield database
            return
        with only_one(database, LOADER_LOCK, places.wait_seconds):
            yield database


def export(database, renaming):
    """Yield (table, row) of all that is stored about a person. Read-only."""
    user_id = user_id_of(database, renaming.name)
    if user_id is not None:
        yield "lmod_user", {"user_name": renaming.name}
        for row in uses(database, user_id):
            yield "lmod_use", row
        for row in loads(database, user_id):
            yield "lmod_load", row
        for row in month_rows(database, user_id):
            yield "lmod_month", row
    for mentions in (MODULE_PATHS, LOG_NAMES):
        for row in naming_rows(database, mentions, renaming):
            yield mentions.table, row


def uses(database, user_id):
    """Yield the person's days. Read-only."""
    columns = ("day", "module", "path", "syshost", "first_time", "last_time", "loads", "user_loads")
    sql = (
        "SELECT f.day, m.module_name, m.path, c.cluster_name, f.first_time, f.last_time, f.loads,"
        " f.user_loads FROM lmod_use f JOIN lmod_module m ON m.module_id = f.module_id"
        " JOIN lmod_cluster c ON c.cluster_id = f.cluster_id WHERE f.user_id = ?"
        " ORDER BY f.day, f.module_id, f.cluster_id"
    )
    for row in records(columns, database.stream(sql, (user_id,))):
        row["day"] = shown_day(row["day"])
        row["first_time"], row["last_time"] = map(iso_time, (row["first_time"], row["last_time"]))
        yield row


def loads(database, user_id):
    """Yield the person's single loads. Read-only."""
    columns = ("time", "module", "path", "syshost", "loads", "user_load", "job_id", "log", "line")
    sql = (
        "SELECT f.load_time, m.module_name, m.path, c.cluster_name, f.loads, f.user_load, f.job_id,"
        " l.name, f.line FROM lmod_load f JOIN lmod_module m ON m.module_id = f.module_id"
        " JOIN lmod_cluster c ON c.cluster_id = f.cluster_id"
        " LEFT JOIN lmod_log l ON l.log_id = f.log_id WHERE f.user_id = ?"
        " ORDER BY f.day, f.load_time, f.module_id, f.cluster_id, f.log_id, f.line"
    )
    for row in records(columns, database.stream(sql, (user_id,))):
        row["time"], row["user_load"] = iso_time(row["time"]), USER_LOAD.get(row["user_load"])
        yield row


def month_rows(database, user_id):
    """Yield the months and module files whose set of users has the person. Read-only."""
    sql = (
        "SELECT f.month, m.module_name, c.cluster_name, f.users FROM lmod_month f"
        " JOIN lmod_module m ON m.module_id = f.module_id"
        " JOIN lmod_cluster c ON c.cluster_id = f.cluster_id"
        " ORDER BY f.month, f.module_id, f.cluster_id"
    )
    for month, module, cluster, users in database.stream(sql):
        if userset.decode(bytes(users)) >> user_id & 1:
            shown = f"{month // 100:04d}-{month % 100:02d}"
            yield {"month": shown, "module": module, "syshost": cluster}


def change(database, change):
    """Rename or remove a person; see usagedb.person. Commits month by month."""
    rename_modules(database, change)
    sweep(database, LOG_NAMES, change)
    user_id = user_id_of(database, change.renaming.name)
    if user_id is None:
        return
    if change.erases:
        remove_loads(database, user_id, change)
    if change.removes_rows:
        remove_uses(database, user_id, change)
        forget_user(database, user_id, change)
    else:
        rename_user(database, user_id, change)


def rename_modules(database, change):
    """Rename the module files below a person's directories; equal ones become one."""
    longest = longest_texts(database, "lmod_module")
    for rows in changed_rows(database, MODULE_PATHS, change.renaming):
        change.count("lmod_module", CHANGED, len(rows))
        for module_id, _old, _new in rows if not change.dry_run else ():
            sql = "SELECT module_name, path FROM lmod_module WHERE module_id = ?"
            name, path = map(change.renaming.shared, database.rows(sql, (module_id,))[0])
            name, path = fitted(name, longest.get("module_name")), fitted(path, longest.get("path"))
            digest = module_digest((name, path))
            sql = "SELECT module_id FROM lmod_module WHERE digest = ?"
            there = database.rows(sql, (digest,))
            if there:
                move(database, "module_id", module_id, there[0][0])
                execute(database, "DELETE FROM lmod_module WHERE module_id = ?", (module_id,))
                continue
            sql = (
                "UPDATE lmod_module SET module_name = ?, path = ?, path_folded = ?, digest = ?"
                " WHERE module_id = ?"
            )
            execute(database, sql, (name, path, fold_ascii(path), digest, module_id))


def rename_user(database, user_id, change):
    """Give a user the new name; where there is one of that name, the two become one."""
    new = change.renaming.new
    uses = count(database, "lmod_use", "user_id", user_id)
    change.count("lmod_user", CHANGED, 1)
    change.count("lmod_use", CHANGED, uses)
    if not change.erases:
        change.count("lmod_load", CHANGED, count(database, "lmod_load", "user_id", user_id))
    if change.dry_run:
        return
    holder = user_id_of(database, new)
    if holder is None:
        sql = "UPDATE lmod_user SET user_name = ?, user_folded = ? WHERE user_id = ?"
        execute(database, sql, (new, fold_ascii(new), user_id))
        return
    move(database, "user_id", user_id, holder)
    execute(database, "DELETE FROM lmod_user WHERE user_id = ?", (user_id,))


def move(database, column, old, new):
    """Give the rows of a user or module file to another one. Commits month by month."""
    for month in months_of(database, column, old):
        in_transaction(database, lambda month=month: move_month(database, column, old, new, month))


def move_month(database, column, old, new, month):
    """Do it for a month, inside the caller's transaction."""
    names = ", ".join(name for name, _kind in USE_COLUMNS)
    days = (month * 100, month * 100 + 99)
    place = USE_KEY.index(column)
    where = f"{column} = ? AND day BETWEEN ? AND ?"
    rows = database.rows(f"SELECT {names} FROM lmod_use WHERE {where}", (old, *days))  # noqa: S608
    moved = [(*row[:place], new, *row[place + 1 :]) for row in rows]
    database.insert_rows("lmod_use", USE_COLUMNS, moved, USE_KEY, USE_MERGE)
    database.execute(f"DELETE FROM lmod_use WHERE {where}", (old, *days))  # noqa: S608
    database.execute(f"UPDATE lmod_load SET {column} = ? WHERE {where}", (new, old, *days))  # noqa: S608
    months.rebuild_inside(database, month)


def months_of(database, column, number):
    """Return the months in which a user or module file has rows, oldest first. Read-only."""
    found: set = set()
    for table in ("lmod_use", "lmod_load"):
        sql = f"SELECT DISTINCT day FROM {table} WHERE {column} = ?"  # noqa: S608
        found |= {row[0] // 100 for row in database.rows(sql, (number,))}
    return sorted(found)


def count(database, table, column, number):
    """Return how many rows a user or module file has. Read-only."""
    sql = f"SELECT COUNT(*) FROM {table} WHERE {column} = ?"  # noqa: S608
    return database.rows(sql, (number,))[0][0]


def remove_loads(database, user_id, change):
    """Delete a person's single loads, day by day."""
    change.count("lmod_load", REMOVED, count(database, "lmod_load", "user_id", user_id))
    if change.dry_run:
        return
    days = database.rows("SELECT DISTINCT day FROM lmod_load WHERE user_id = ?", (user_id,))
    sql = "DELETE FROM lmod_load WHERE day = ? AND user_id = ?"
    for (day,) in days:
        in_transaction(database, lambda day=day: database.execute(sql, (day, user_id)))


def remove_uses(database, user_id, change):
    """Delete a person's days, and take the person out of the monthly summary."""
    change.count("lmod_use", REMOVED, count(database, "lmod_use", "user_id", user_id))
    if change.dry_run:
        return

    def remove(month):
        days = (month * 100, month * 100 + 99)
        sql = "DELETE FROM lmod_use WHERE user_id = ? AND day BETWEEN ? AND ?"
        database.execute(sql, (user_id, *days))
        months.rebuild_inside(database, month)

    for month in months_of(database, "user_id", user_id):
        in_transaction(database, lambda month=month: remove(month))


def forget_user(database, user_id, change):
    """Delete the name."""
    change.count("lmod_user", REMOVED, 1)
    if not change.dry_run:
        execute(database, "DELETE FROM lmod_user WHERE user_id = ?", (user_id,))


PERSON = PersonalData("lmod", opened, export, change)
