"""Take people's names out of the runs and links that are their own, and of what hangs on them."""

import functools

from usagedb.database import in_parts
from xaltload.bulk import delete_rows
from xaltload.compressed import compressed, text_of, written_as
from xaltload.mentions import AGAIN
from xaltload.widths import Widths

RUN_TEXTS = ("exec_path", "cwd", "container")
LINK_TEXTS = ("exec_path", "link_path", "cwd")
PACKAGE_TEXTS = ("pkg_name", "pkg_path")
NO_ARGUMENTS = compressed("[]")


@functools.lru_cache(maxsize=1)
def widths_of(database):
    """Return the Widths of a database, read once."""
    return Widths(database)


def rename_runs(database, run_ids, renaming_of, erases=False):
    """Take the names out of some runs, inside the caller's transaction.

    renaming_of(user) is the Renaming of the run's user. With erases what only that user needs goes:
    directory, arguments and environment.
    """
    columns = ("user", "account", *RUN_TEXTS)
    sql = (
        f"SELECT run_id, cmdline, {database.dialect.quote_all(columns)} FROM xalt_run"  # noqa: S608
        " WHERE run_id IN ({})"
    )
    renaming_of_run = {}
    for run_id, line, user, account, *texts in list(in_parts(database, sql, run_ids)):
        renaming = renaming_of_run[run_id] = renaming_of(user)
        account = renaming.new if account == user else account
        values = dict(zip(columns, (renaming.new, account, *map(renaming.own, texts))))
        values["cmdline"] = written_as(line, renaming.in_json(text_of(line), renaming.own))
        if erases:
            values.update(cwd="", cmdline=NO_ARGUMENTS)
        write(database, "xalt_run", "run_id", run_id, values, f", {AGAIN}")
    if erases:
        for table in ("join_run_env", "xalt_total_env"):
            delete_rows(database, table, "run_id", run_ids)
    rename_variables(database, renaming_of_run)
    rename_packages(database, renaming_of_run)


def rename_variables(database, renaming_of_run):
    """Take the names out of the variables of some runs, {run_id: Renaming}."""
    sql = "SELECT join_id, run_id, env_value FROM join_run_env WHERE run_id IN ({})"
    for number, run_id, value in list(in_parts(database, sql, sorted(renaming_of_run))):
        renaming = renaming_of_run[run_id]
        changed = renaming.in_bytes(value, renaming.own)
        if changed != bytes(value):
            write(database, "join_run_env", "join_id", number, {"env_value": changed})
    sql = "SELECT envT_id, run_id, env_blob FROM xalt_total_env WHERE run_id IN ({})"
    for number, run_id, value in list(in_parts(database, sql, sorted(renaming_of_run))):
        renaming, text = renaming_of_run[run_id], text_of(value)
        changed = renaming.in_json(text, renaming.own)
        if changed != text:
            changed = written_as(value, changed)
            write(database, "xalt_total_env", "envT_id", number, {"env_blob": changed})


def rename_packages(database, renaming_of_run):
    """Take the names out of the packages of some runs, {run_id: Renaming}.

    The key of a package stays: a record of it that comes again is known.
    """
    sql = (
        f"SELECT pkg_id, run_id, {', '.join(PACKAGE_TEXTS)} FROM xalt_pkg"  # noqa: S608
        " WHERE run_id IN ({})"
    )
    for number, run_id, *texts in list(in_parts(database, sql, sorted(renaming_of_run))):
        changed = list(map(renaming_of_run[run_id].own, texts))
        if changed != texts:
            write(database, "xalt_pkg", "pkg_id", number, dict(zip(PACKAGE_TEXTS, changed)))


def rename_links(database, link_ids, renaming_of, erases=False):
    """Take the names out of some links, inside the caller's transaction; see rename_runs."""
    sql = (
        f"SELECT link_id, build_user, link_line, {', '.join(LINK_TEXTS)} FROM xalt_link"  # noqa: S608
        " WHERE link_id IN ({})"
    )
    for link_id, user, line, *texts in list(in_parts(database, sql, link_ids)):
        renaming = renaming_of(user)
        values = dict(zip(LINK_TEXTS, map(renaming.own, texts)), build_user=renaming.new)
        values["link_line"] = written_as(line, renaming.in_json(text_of(line), renaming.own))
        if erases:
            values.update(cwd="", link_line=b"")
        write(database, "xalt_link", "link_id", link_id, values)


def write(database, table, id_column, number, values, also=""):
    """Write {column: value} into a row; texts are made to fit. also: further SQL of the change."""
    sets = ", ".join(f"{database.dialect.quote(name)} = ?" for name in values)
    fitting = [
        widths_of(database).text(table, name)(value) if isinstance(value, str) else value
        for name, value in values.items()
    ]
    sql = f"UPDATE {table} SET {sets}{also} WHERE {id_column} = ?"  # noqa: S608
    database.execute(sql, (*fitting, number))
