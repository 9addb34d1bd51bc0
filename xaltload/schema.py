"""The tables of XALT, registered for the commands of usagedb."""

import re

from usagedb.schema import Schema

# Commands that write: names of their runs (usage_run), and of their locks.
LOAD_FOS, UPDATE_MODULES = "xalt_load_fos", "xalt_update_modules"
LOADER_LOCK = "xalt_load"  # the loaders of XALT's records exclude one another
INDEX = re.compile(r"CREATE INDEX \w+ ON (\w+) \(\"?(\w+)")


def adapt(database, statement):
    """Leave out an index where a site's table has one that begins with the same column."""
    found = INDEX.match(statement)
    if found and found[2] in database.dialect.indexed_columns(database, found[1]):
        return None
    return statement


def complete(database, say):
    """Take over the rows of other programs; see xaltload/takeover.py."""
    from xaltload import takeover

    takeover.complete(database, say)


def purge(database, options, report):
    """Delete or anonymize old records; see xaltload/purge.py."""
    from xaltload import purge as module

    return module.purge(database, options, report)


XALT = Schema(
    "xalt",
    "xalt.sql",
    adapt=adapt,
    complete=complete,
    purge=purge,
    deleted=(
        "xalt_run",
        "xalt_link",
        "xalt_object",
        "join_link_object",
        "join_run_object",
        "join_run_env",
        "join_link_function",
        "xalt_total_env",
        "xalt_pkg",
        "xalt_program",
        "xalt_name",
        "xalt_object_set",
        "xalt_set_object",
        "xalt_pkg_waiting",
        "xalt_pkg_filtered",
        "xalt_rejected",
        "xalt_env_name",
        "xalt_function",
    ),  # fmt: skip
    kept=(
        ("xalt_user", "the site fills it"),
        ("xalt_account", "the site fills it"),
        ("xalt_field_of_science", "the site fills it"),
        ("xalt_pseudonym", "without it the same name would get another pseudonym"),
        ("xalt_taken_over", "three rows of counts"),
    ),
    can_anonymize=True,
    default_dbname="xalt",
    locks=(LOADER_LOCK, LOAD_FOS, UPDATE_MODULES),
    occasional=(LOAD_FOS, UPDATE_MODULES),
)
