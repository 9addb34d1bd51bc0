"""The tables of module usage, registered for the commands of usagedb."""

import re

from usagedb.schema import Schema, take_step

# Commands that write: names of their runs (usage_run), the first that of the lock, too, which all
# that write module loads hold.
STORE_MODULE_DATA, CONVERT_LMOD_DB = "store_module_data", "convert_lmod_db"
LOADER_LOCK = STORE_MODULE_DATA
VIEW_NAME = "moduleT"
VIEW_NAME_BESIDE_OLD = "lmod_moduleT"


def old_generation(database):
    """Return "gen_1" or "gen_2" if the database holds that older Lmod table, under its own name or
    the one that rename_old gave it, else None. Read-only.

    gen_1 has a moduleT too, but with a mod_id; our own moduleT is a view.
    """
    generation = "gen_1" if database.dialect.has_table(database, "join_user_module") else "gen_2"
    return generation if old_table(database, generation) else None


def old_table(database, generation):
    """Return the name that the old moduleT has now, None if it is not there. Read-only."""
    names = (VIEW_NAME, renamed(generation))
    return next((name for name in names if is_base_table(database, name)), None)


def renamed(generation):
    """Return the name that rename_old gives the old moduleT."""
    return f"{VIEW_NAME}_{generation}"


def rename_old(database):
    """Give the old table the name moduleT_gen_N, and its name to the view. Commits step by step;
    after a stop in between it does the rest.

    Returns the old table's new name.
    """
    name = renamed(old_generation(database))
    if is_base_table(database, VIEW_NAME):
        database.run_ddl(f"ALTER TABLE {VIEW_NAME} RENAME TO {name}")
    if database.dialect.has_table(database, VIEW_NAME_BESIDE_OLD):
        database.run_ddl(f"DROP VIEW {VIEW_NAME_BESIDE_OLD}")
    for step in LMOD.steps:
        if step.statement.startswith(f"CREATE VIEW {VIEW_NAME} "):
            take_step(database, LMOD, step)
    return name


def complete(database, say):
    """End a renaming of the old table that was stopped in between."""
    if not database.dialect.has_table(database, VIEW_NAME) and old_generation(database):
        say(f"the old table is {rename_old(database)}: made the view {VIEW_NAME} in its place")


def is_base_table(database, name):
    """Tell whether `name` is a table and no view. Read-only."""
    return database.dialect.kind_of_table(database, name) == "TABLE"


def adapt(database, statement):
    """Give the view of gen_2's columns another name where the old table has its name."""
    if re.match(r"CREATE VIEW moduleT\b", statement) and is_base_table(database, VIEW_NAME):
        return statement.replace("CREATE VIEW moduleT", f"CREATE VIEW {VIEW_NAME_BESIDE_OLD}", 1)
    return statement


def notes(database):
    """Return what createDB says about an older database that it found."""
    generation = old_generation(database)
    if not generation or not is_base_table(database, VIEW_NAME):  # renamed: it was taken over
        return []
    return [
        f"an Lmod database of {generation} is here: it is left untouched;"
        " convert_lmod_db brings its rows over"
    ]


def purge(database, options, report):
    """Delete old rows; see lmodtrack/purge.py."""
    from lmodtrack import purge as module

    return module.purge(database, options, report)


LMOD = Schema(
    "lmod",
    "lmod.sql",
    purge=purge,
    deleted=("lmod_use", "lmod_load", "lmod_month", "lmod_user", "lmod_module", "lmod_cluster"),
    kept=(
        ("lmod_log", "tells logs that were loaded: without it they would be loaded again"),
        ("lmod_conversion", "tells how far an older database was taken over"),
    ),
    adapt=adapt,
    complete=complete,
    notes=notes,
    locks=(LOADER_LOCK,),
    occasional=(CONVERT_LMOD_DB,),
)
