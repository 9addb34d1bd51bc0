"""People's data in the tables of XALT: renamed and removed."""

import contextlib
import functools

from usagedb.database import in_parts, in_transaction
from usagedb.locks import only_one
from usagedb.mentions import changed_rows, sweep
from usagedb.person import CHANGED, REMOVED, PersonalData, ids_of, opened_database
from xaltload import keys, merge, purge, takeover
from xaltload.anonymize import stored_secret
from xaltload.bulk import delete_rows
from xaltload.compressed import compressed, uncompressed
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
from xaltload.person_export import export
from xaltload.schema import LOADER_LOCK, XALT
from xaltload.widths import Widths

NO_ARGUMENTS = compressed("[]")
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
                database, change, "xalt_run", "run_id", purge.RUN_CHILDREN, some, renamed_runs
            )


def change_links(database, change):
    """Change or remove the programs that the person built."""
    name = change.renaming.name
    for link_ids in ids_of(database, "xalt_link", "link_id", "build_user", name):
        change_some(
            database, change, "xalt_link", "link_id", purge.LINK_CHILDREN, link_ids, renamed_links
        )


def change_some(database, change, table, id_column, children, ids, renamed):
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
        action = functools.partial(renamed, database, change, ids)
    if not change.dry_run:
        in_transaction(database, action)


@functools.lru_cache(maxsize=1)
def widths_of(database):
    """Return the Widths of a database, read once."""
    return Widths(database)


def how_many(database, table, id_column, ids):
    """Return how many rows hang on some ids. Read-only."""
    sql = f"SELECT COUNT(*) FROM {table} WHERE {id_column} IN ({{}})"  # noqa: S608
    return sum(row[0] for row in in_parts(database, sql, ids))


def renamed_runs(database, change, run_ids):
    """Take the name out of some runs, inside the caller's transaction."""
    renaming, widths = change.renaming, widths_of(database)
    user = database.dialect.quote("user")
    sql = (
        "SELECT run_id, account, exec_path, cwd, cmdline FROM xalt_run"  # noqa: S608
        " WHERE run_id IN ({})"
    )
    update = (
        f"UPDATE xalt_run SET {user} = ?, account = ?, exec_path = ?, cwd = ?, cmdline = ?,"  # noqa: S608
        f" {AGAIN} WHERE run_id = ?"
    )
    fit = {name: widths.text("xalt_run", name) for name in ("user", "account", "exec_path", "cwd")}
    for run_id, account, exec_path, cwd, cmdline in list(in_parts(database, sql, run_ids)):
        account = renaming.new if account == renaming.name else account
        line = renaming.in_json(uncompressed(cmdline), renaming.own)
        values = (
            fit["user"](renaming.new), fit["account"](account),
            fit["exec_path"](renaming.own(exec_path)),
            "" if change.erases else fit["cwd"](renaming.own(cwd)),
            NO_ARGUMENTS if change.erases else compressed(line),
        )  # fmt: skip
        database.execute(update, (*values, run_id))
    change_children(database, change, run_ids)


def change_children(database, change, run_ids):
    """Take the name out of the variables and packages of some runs."""
    renaming = change.renaming
    if change.erases:
        for table in ("join_run_env", "xalt_total_env"):
            delete_rows(database, table, "run_id", run_ids)
    for table, id_column, column in (
        ("join_run_env", "join_id", "env_value"), ("xalt_total_env", "envT_id", "env_blob"),
    ):  # fmt: skip
        sql = f"SELECT {id_column}, {column} FROM {table} WHERE run_id IN ({{}})"  # noqa: S608
        update = f"UPDATE {table} SET {column} = ? WHERE {id_column} = ?"  # noqa: S608
        for number, value in list(in_parts(database, sql, run_ids)):
            changed = renaming.in_bytes(value, renaming.own)
            if changed != bytes(value):
                database.execute(update, (changed, number))
    # The key of a package stays: a record of it that comes again is known.
    sql = "SELECT pkg_id, pkg_path FROM xalt_pkg WHERE run_id IN ({})"
    fit = widths_of(database).text("xalt_pkg", "pkg_path")
    for number, path in list(in_parts(database, sql, run_ids)):
        if path and renaming.own(path) != path:
            update = "UPDATE xalt_pkg SET pkg_path = ? WHERE pkg_id = ?"
            database.execute(update, (fit(renaming.own(path)), number))


def renamed_links(database, change, link_ids):
    """Take the name out of some links, inside the caller's transaction."""
    renaming, widths = change.renaming, widths_of(database)
    columns = ("exec_path", "link_path", "cwd")
    fits = [widths.text("xalt_link", name) for name in columns]
    sql = (
        f"SELECT link_id, {', '.join(columns)}, link_line FROM xalt_link"  # noqa: S608
        " WHERE link_id IN ({})"
    )
    update = (
        "UPDATE xalt_link SET build_user = ?, exec_path = ?, link_path = ?, cwd = ?, link_line = ?"
        " WHERE link_id = ?"
    )
    for link_id, *texts, line in list(in_parts(database, sql, link_ids)):
        changed = [fit(renaming.own(text)) if text else text for fit, text in zip(fits, texts)]
        line = compressed(renaming.own(uncompressed(line)))
        if change.erases:
            changed[2], line = "", b""
        new = widths.text("xalt_link", "build_user")(renaming.new)
        database.execute(update, (new, *changed, line, link_id))


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
        for number in ids:
            database.execute(sql, (change.renaming.new, number))


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
