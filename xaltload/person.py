"""People's data in the tables of XALT: renamed and removed."""

import contextlib
import functools

from usagedb.database import execute, in_parts, in_transaction
from usagedb.locks import only_one
from usagedb.mentions import changed_rows, fitted, sweep
from usagedb.person import CHANGED, REMOVED, PersonalData, ids_of, opened_database
from usagedb.widths import longest_texts
from xaltload import keys, merge, purge, takeover
from xaltload.anonymize import stored_secret
from xaltload.bulk import delete_rows
from xaltload.concerned import RUNS_PER_STEP
from xaltload.facts import find_facts
from xaltload.mentions import (
    AGAIN,
    LINK_TEXTS,
    LOOSE_TEXTS,
    OBJECT_PATHS,
    OTHER_TEXTS,
    PROGRAM_PATHS,
    RUN_TEXTS,
    SITE_NAMES,
)
from xaltload.own_rows import rename_links, rename_runs, widths_of
from xaltload.person_export import export
from xaltload.schema import LOADER_LOCK, XALT

OBJECTS = takeover.TABLES[0]


@contextlib.contextmanager
def opened(places):
    """Give the block the Database, None if there is none; no loader runs in a block that writes:
    it remembers the numbers of names."""
    with opened_database(places, XALT) as database:
        if database is None or not places.to_write:
            yield database
            return
        with only_one(database, LOADER_LOCK, places.wait_seconds):
            yield database


def change(database, change):
    """Rename or remove a person; see usagedb.person. Commits step by step."""
    change_runs(database, change)
    change_links(database, change)
    for table, id_column, column in SITE_NAMES:
        change_site_names(database, table, id_column, column, change)
    for mentions in (RUN_TEXTS, LINK_TEXTS, *OTHER_TEXTS, *LOOSE_TEXTS):
        sweep(database, mentions, change)
    rename_objects(database, change)
    if not change.dry_run and (change.counts or is_left(database, change.renaming)):
        find_facts(database)
        purge.remove_unneeded(database, lambda line: None)


def is_left(database, renaming):
    """Tell whether a stopped run has left names that nothing needs any more. Read-only."""
    names = database.rows("SELECT 1 FROM xalt_name WHERE name = ?", (renaming.name,))
    return bool(names) or any(changed_rows(database, PROGRAM_PATHS, renaming))


def change_runs(database, change):
    """Change or remove the person's runs, with what hangs on them."""
    for run_ids in ids_of(database, "xalt_run", "run_id", "user", change.renaming.name):
        for start in range(0, len(run_ids), RUNS_PER_STEP):
            some = run_ids[start : start + RUNS_PER_STEP]
            change_some(
                database, change, "xalt_run", "run_id", purge.RUN_CHILDREN, some, rename_runs
            )


def change_links(database, change):
    """Change or remove the programs that the person built."""
    name = change.renaming.name
    for link_ids in ids_of(database, "xalt_link", "link_id", "build_user", name):
        change_some(
            database, change, "xalt_link", "link_id", purge.LINK_CHILDREN, link_ids, rename_links
        )


def change_some(database, change, table, id_column, children, ids, rename):
    """Change or remove some rows, with what hangs on them, in a transaction."""
    if change.removes_rows:
        for name in children:
            change.count(name, REMOVED, how_many(database, name, id_column, ids))
        change.count(table, REMOVED, len(ids))
        action = functools.partial(purge.delete, database, table, id_column, children, ids)
    else:
        if change.erases and table == "xalt_run":
            for name in ("join_run_env", "xalt_total_env"):
                change.count(name, REMOVED, how_many(database, name, id_column, ids))
        change.count(table, CHANGED, len(ids))
        action = functools.partial(
            rename, database, ids, lambda _name: change.renaming, change.erases
        )
    if not change.dry_run:
        in_transaction(database, action)


def how_many(database, table, id_column, ids):
    """Return how many rows hang on some ids. Read-only."""
    sql = f"SELECT COUNT(*) FROM {table} WHERE {id_column} IN ({{}})"  # noqa: S608
    return sum(row[0] for row in in_parts(database, sql, ids))


def change_site_names(database, table, id_column, column, change):
    """Rename or remove the rows of a table of the site that is about the person."""
    for ids in ids_of(database, table, id_column, column, change.renaming.name):
        change.count(table, REMOVED if change.erases else CHANGED, len(ids))
        if change.dry_run:
            continue
        if change.erases:
            in_transaction(database, lambda ids=ids: delete_rows(database, table, id_column, ids))
            continue
        quoted = database.dialect.quote(column)
        sql = f"UPDATE {table} SET {quoted} = ? WHERE {id_column} = ?"  # noqa: S608
        new = fitted(change.renaming.new, longest_texts(database, table).get(column))
        for number in ids:
            execute(database, sql, (new, number))


def rename_objects(database, change):
    """Rename the libraries below a person's directories; equal ones become one.

    The runs that loaded them get their sets anew.
    """
    fit = widths_of(database).text("xalt_object", "object_path")
    for rows in changed_rows(database, OBJECT_PATHS, change.renaming):
        change.count("xalt_object", CHANGED, len(rows))
        for obj_id, _old, new in rows if not change.dry_run else ():
            rename_object(database, obj_id, fit(new["object_path"]))


def rename_object(database, obj_id, path):
    """Give a library a new path and key. Commits."""
    sql = "SELECT syshost, hash_id FROM xalt_object WHERE obj_id = ?"
    key = keys.object_key(path, *database.rows(sql, (obj_id,))[0])
    there = database.rows("SELECT obj_id FROM xalt_object WHERE obj_key = ?", (key,))
    forget_sets(database, obj_id)
    if there:
        holder_of = {obj_id: there[0][0]}
        merge.move_children(database, OBJECTS, holder_of)
        in_transaction(database, lambda: merge.remove_merged(database, OBJECTS, holder_of))
        return
    sql = "UPDATE xalt_object SET object_path = ?, obj_key = ? WHERE obj_id = ?"
    in_transaction(database, lambda: database.execute(sql, (path, key, obj_id)))


def forget_sets(database, obj_id):
    """Let the runs whose set has a library, whose key will be another, find their sets anew."""
    sets = database.rows("SELECT set_id FROM xalt_set_object WHERE obj_id = ?", (obj_id,))
    sql = f"UPDATE xalt_run SET {AGAIN} WHERE set_id = ?"  # noqa: S608
    for (set_id,) in sets:
        in_transaction(database, lambda set_id=set_id: database.execute(sql, (set_id,)))


PERSON = PersonalData("xalt", opened, export, change, key_of=stored_secret)
