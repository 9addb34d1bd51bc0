"""Name the modules of stored paths anew, after the site's reverse map has changed."""

import functools

from usagedb.database import marks, with_conflict_retries
from xaltload.facts import find_facts

ROWS_PER_STEP = 5000
IDS_PER_UPDATE = 500
# Table, its id, the column with the path, the column with the module.
PLACES = (
    ("xalt_object", "obj_id", "object_path", "module_name"),
    ("xalt_run", "run_id", "exec_path", "module_name"),
    ("xalt_link", "link_id", "link_path", "link_module_name"),
)


def remap(database, modules, everything=False, dry_run=False):
    """Return {table: rows that get another module}. Commits step by step.

    modules is a ModuleMap. Only rows without a module are named, with `everything` all rows, also
    those of modules that are no longer in the map. With dry_run they are only counted.
    """
    changed = {
        place[0]: remap_table(database, modules, place, everything, dry_run) for place in PLACES
    }
    if not dry_run:
        find_facts(database)
    return changed


def remap_table(database, modules, place, everything, dry_run):
    """Name the modules of one table anew; return how many rows changed."""
    table, id_column, path_column, module_column = place
    only = "" if everything else f" AND {module_column} IS NULL"
    sql = (
        f"SELECT {id_column}, {path_column}, {module_column} FROM {table}"  # noqa: S608
        f" WHERE {id_column} > ?{only} ORDER BY {id_column} LIMIT ?"
    )
    changed = last = 0
    while True:
        rows = database.rows(sql, (last, ROWS_PER_STEP))
        if not rows:
            return changed
        ids_of: dict = {}
        for number, path, old in rows:
            new = modules.module_of(path)
            if new != old:
                ids_of.setdefault(new, []).append(number)
        changed += sum(map(len, ids_of.values()))
        last = rows[-1][0]
        if ids_of and not dry_run:
            step = functools.partial(rename, database, table, id_column, module_column, ids_of)
            with_conflict_retries(step)


def rename(database, table, id_column, module_column, ids_of):
    """Give rows their modules ({module: ids}) in one transaction."""
    with database.transaction():
        for module, ids in ids_of.items():
            for start in range(0, len(ids), IDS_PER_UPDATE):
                part = ids[start : start + IDS_PER_UPDATE]
                more = ", cluster_id = NULL" if table == "xalt_run" else ""
                sql = (
                    f"UPDATE {table} SET {module_column} = ?{more}"  # noqa: S608
                    f" WHERE {id_column} IN ({marks(part)})"
                )
                database.execute(sql, [module, *part])
