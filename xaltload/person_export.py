"""All that the tables of XALT hold about a person."""

import collections

from usagedb.database import in_parts
from usagedb.dates import iso_time
from usagedb.mentions import naming_rows
from usagedb.person import ids_of, plain, records
from xaltload.compressed import uncompressed
from xaltload.mentions import LOOSE_TEXTS, OBJECT_PATHS, SITE_NAMES

RUNS_AT_ONCE = 50  # with their environments
RUN_COLUMNS = (
    "run_id", "job_id", "run_uuid", "date", "syshost", "uuid", "hash_id", "account", "exec_type",
    "start_time", "end_time", "run_time", "probability", "num_cores", "num_nodes", "num_threads",
    "num_gpus", "queue", "user", "exec_path", "module_name", "cwd", "cmdline", "container",
)  # fmt: skip
LINK_COLUMNS = (
    "link_id", "uuid", "hash_id", "date", "link_program", "link_path", "link_module_name",
    "link_line", "cwd", "build_user", "build_syshost", "build_epoch", "exec_path",
)  # fmt: skip


def export(database, renaming):
    """Yield (table, row) of all that is stored about a person; what hangs on a run or a link is in
    its row. What names the person in other people's records is theirs. Read-only."""
    name = renaming.name
    for ids in ids_of(database, "xalt_run", "run_id", "user", name):
        for start in range(0, len(ids), RUNS_AT_ONCE):
            for row in runs(database, ids[start : start + RUNS_AT_ONCE]):
                yield "xalt_run", row
    for ids in ids_of(database, "xalt_link", "link_id", "build_user", name):
        for row in links(database, ids):
            yield "xalt_link", row
    for table, id_column, column in SITE_NAMES:
        for ids in ids_of(database, table, id_column, column, name):
            columns = SITE_COLUMNS[table]
            names = database.dialect.quote_all(columns)
            sql = f"SELECT {names} FROM {table} WHERE {id_column} IN ({{}})"  # noqa: S608
            for row in records(columns, in_parts(database, sql, ids)):
                yield table, row
    for mentions in (OBJECT_PATHS, *LOOSE_TEXTS):  # others' runs are theirs
        for row in naming_rows(database, mentions, renaming):
            yield mentions.table, {column: plain(row[column]) for column, _kind in mentions.columns}


SITE_COLUMNS = {
    "xalt_user": ("user", "anon_user"),
    "xalt_account": ("account", "anon_user", "field_of_science"),
    "xalt_field_of_science": ("account", "field_of_science", "directorate"),
}


def runs(database, ids):
    """Yield some runs, each with its variables, libraries and packages. Read-only."""
    variables, libraries, packages = (collections.defaultdict(list) for _three in range(3))
    sql = (
        "SELECT j.run_id, e.env_name, j.env_value FROM join_run_env j"
        " JOIN xalt_env_name e ON e.env_id = j.env_id WHERE j.run_id IN ({})"
    )
    for run_id, name, value in in_parts(database, sql, ids):
        variables[run_id].append((name, plain(value)))
    sql = (
        "SELECT j.run_id, o.object_path FROM join_run_object j"
        " JOIN xalt_object o ON o.obj_id = j.obj_id WHERE j.run_id IN ({})"
    )
    for run_id, path in in_parts(database, sql, ids):
        libraries[run_id].append(path)
    columns = ("program", "pkg_name", "pkg_version", "pkg_path")
    sql = f"SELECT run_id, {', '.join(columns)} FROM xalt_pkg WHERE run_id IN ({{}})"  # noqa: S608
    for run_id, *values in in_parts(database, sql, ids):
        packages[run_id].append(dict(zip(columns, values)))
    whole = collections.defaultdict(list)
    sql = "SELECT run_id, env_blob FROM xalt_total_env WHERE run_id IN ({})"
    for run_id, value in in_parts(database, sql, ids):
        whole[run_id].append(uncompressed(value) or plain(value))
    sql = f"SELECT {database.dialect.quote_all(RUN_COLUMNS)} FROM xalt_run WHERE run_id IN ({{}})"  # noqa: S608
    for values in in_parts(database, sql, ids):
        row = dict(zip(RUN_COLUMNS, values))
        row["cmdline"], run_id = uncompressed(row["cmdline"]), row.pop("run_id")
        row["start_time"] = iso_time(row["start_time"])
        row["end_time"] = iso_time(row["end_time"]) if row["end_time"] else None
        row = {name: plain(value) for name, value in row.items()}
        row["environment"] = dict(sorted(variables[run_id]))
        row["libraries"], row["packages"] = sorted(libraries[run_id]), packages[run_id]
        if whole[run_id]:
            row["total_environment"] = whole[run_id]
        yield row


def links(database, ids):
    """Yield some links, each with its libraries and functions. Read-only."""
    libraries, functions = collections.defaultdict(list), collections.defaultdict(list)
    sql = (
        "SELECT j.link_id, o.object_path FROM join_link_object j"
        " JOIN xalt_object o ON o.obj_id = j.obj_id WHERE j.link_id IN ({})"
    )
    for link_id, path in in_parts(database, sql, ids):
        libraries[link_id].append(path)
    sql = (
        "SELECT j.link_id, f.function_name FROM join_link_function j"
        " JOIN xalt_function f ON f.func_id = j.func_id WHERE j.link_id IN ({})"
    )
    for link_id, name in in_parts(database, sql, ids):
        functions[link_id].append(name)
    names = database.dialect.quote_all(LINK_COLUMNS)
    sql = f"SELECT {names} FROM xalt_link WHERE link_id IN ({{}})"  # noqa: S608
    for values in in_parts(database, sql, ids):
        row = dict(zip(LINK_COLUMNS, values))
        row["link_line"], link_id = uncompressed(row["link_line"]), row.pop("link_id")
        row["build_epoch"] = iso_time(row["build_epoch"])
        row = {name: plain(value) for name, value in row.items()}
        row["libraries"], row["functions"] = sorted(libraries[link_id]), sorted(functions[link_id])
        yield row
