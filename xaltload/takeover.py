"""Take over rows that another program made: each gets its key; equal rows become one.

Rows are merged only if they are equal in every stored column. One that merely shares the natural
key with another keeps its row and gets a key of its own.
"""

import dataclasses
from typing import Any

from usagedb.database import in_parts, with_conflict_retries
from usagedb.dialects.base import INTEGER, TEXT
from xaltload import keys
from xaltload.bulk import plain, update
from xaltload.facts import find_facts
from xaltload.merge import Child, move_children, remove_merged

ROWS_PER_STEP = 1000
RUN_COLUMNS = (
    "syshost", "run_uuid", "hash_id", "start_time", "job_id", "date", "uuid", "account",
    "exec_type", "end_time", "run_time", "probability", "num_cores", "num_nodes", "num_threads",
    "num_gpus", "queue", "sum_runs", "sum_time", "user", "exec_path", "module_name", "cwd",
    "cmdline", "container",
)  # fmt: skip
OBJECT_COLUMNS = ("object_path", "syshost", "hash_id", "module_name", "timestamp", "lib_type")
PACKAGE_COLUMNS = ("run_id", "program", "pkg_name", "pkg_version", "pkg_path")
COUNT_COLUMNS = (("table_name", TEXT), ("kept", INTEGER), ("merged", INTEGER))


# What hangs on a row.
RUN_CHILDREN = (
    Child("join_run_object", "run_id", "join_id", ("obj_id", "date")),
    Child("join_run_env", "run_id", "join_id", ("env_id", "date", "env_value")),
    Child("xalt_total_env", "run_id", "envT_id", ("date", "env_blob")),
    Child("xalt_pkg", "run_id", "pkg_id", PACKAGE_COLUMNS[1:]),
)
OBJECT_CHILDREN = (
    Child("join_run_object", "obj_id", "join_id", ("run_id", "date")),
    Child("join_link_object", "obj_id", "join_id", ("link_id", "date")),
    Child("xalt_set_object", "obj_id", None),
)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table whose rows get keys."""

    name: str
    id_column: str
    key_column: str
    columns: tuple  # all that a site stores in it, but the id
    natural_key: Any  # (database, [(id, *columns)]) -> their keys
    children: tuple = ()


def run_keys(_database, rows):
    """Return the keys of runs; most programs round the start to whole seconds."""
    return [
        keys.whole_second_key(*row[1:5]) if row[4] == int(row[4]) else keys.run_key(*row[1:5])
        for row in rows
    ]


def object_keys(_database, rows):
    """Return the keys of objects."""
    return [keys.object_key(*row[1:4]) for row in rows]


def package_keys(database, rows):
    """Return the keys of packages; they name the run by its uuid."""
    sql = "SELECT run_id, run_uuid FROM xalt_run WHERE run_id IN ({})"
    uuid_of = dict(in_parts(database, sql, sorted({row[1] for row in rows})))
    return [
        keys.package_key(uuid_of.get(row[1], f"run {row[1]}"), *(value or "" for value in row[2:]))
        for row in rows
    ]


TABLES = (
    Table("xalt_object", "obj_id", "obj_key", OBJECT_COLUMNS, object_keys, OBJECT_CHILDREN),
    Table("xalt_run", "run_id", "run_key", RUN_COLUMNS, run_keys, RUN_CHILDREN),
    Table("xalt_pkg", "pkg_id", "pkg_key", PACKAGE_COLUMNS, package_keys),
)


def complete(database, say):
    """Take over all rows without a key, and prepare them for the reports.

    Commits step by step, so that a stop loses nothing and the next call goes on. say(line) is told
    what was done; nothing if there was nothing to do.
    """
    for table in TABLES:
        kept, merged = take_over(database, table)
        if kept or merged:
            say(f"{table.name}: took over {kept} rows, merged {merged} that were equal to another")
    runs = find_facts(database)
    if runs:
        say(f"xalt_run: prepared {runs} runs for the reports")


def take_over(database, table):
    """Give keys to all rows of a table that have none; return (rows kept, rows merged)."""
    kept = merged = 0
    while True:
        rows = rows_without_key(database, table)
        if not rows:
            return kept, merged

        def step(rows=rows):
            move_children(database, table, plan(database, table, rows)[1])
            with database.transaction():
                counts = give_keys(database, table, rows)
                database.insert_rows(
                    "xalt_taken_over", COUNT_COLUMNS, [(table.name, *counts)], ("table_name",),
                    {"kept": "add", "merged": "add"},
                )  # fmt: skip
                return counts

        step_kept, step_merged = with_conflict_retries(step)
        kept, merged = kept + step_kept, merged + step_merged


def rows_without_key(database, table):
    """Return the next rows [(id, *columns)] without a key, the oldest first."""
    sql = (
        f"SELECT {table.id_column}, {database.dialect.quote_all(table.columns)} FROM {table.name}"  # noqa: S608
        f" WHERE {table.key_column} IS NULL ORDER BY {table.id_column} LIMIT {ROWS_PER_STEP}"
    )
    return [tuple(row) for row in database.rows(sql)]


def give_keys(database, table, rows):
    """Give keys to some rows, inside the caller's transaction; return (kept, merged)."""
    key_of, holder_of = plan(database, table, rows)
    update(database, table.name, table.id_column, table.key_column, key_of)
    remove_merged(database, table, holder_of)
    return len(key_of), len(holder_of)


def plan(database, table, rows):
    """Return ({id: key} of rows that stay, {id: id of the equal row that stays} of the others).

    Read-only.
    """
    rows = [tuple(map(plain, row)) for row in rows]
    natural = table.natural_key(database, rows)
    # Of a row that shares the natural key with another: the same for rows that are equal.
    beside = [keys.key_beside(key, repr(row[1:])) for key, row in zip(natural, rows)]
    holders = holders_of(database, table, {*natural, *beside})
    key_of, holder_of = {}, {}
    for row, *own_keys in zip(rows, natural, beside):
        for key in own_keys:
            holder = holders.setdefault(key, row)
            if holder is row:
                key_of[row[0]] = key
                break
            if holder[1:] == row[1:]:
                holder_of[row[0]] = holder[0]
                break
    return key_of, holder_of


def holders_of(database, table, wanted):
    """Return {key: (id, *columns)} of rows that have one of these keys already."""
    sql = (
        f"SELECT {table.key_column}, {table.id_column}, {database.dialect.quote_all(table.columns)}"  # noqa: S608
        f" FROM {table.name} WHERE {table.key_column} IN ({{}})"
    )
    found = in_parts(database, sql, sorted(wanted))
    return {bytes(row[0]): tuple(map(plain, row[1:])) for row in found}
