"""Replace the names of people in old records by pseudonyms that stay the same."""

import functools
import re
import secrets

from usagedb.database import in_parts, in_transaction
from usagedb.dialects.base import BYTES, INTEGER
from usagedb.pseudonyms import KEY_BYTES, pseudonym_of, usual_key
from xaltload.compressed import compressed, uncompressed
from xaltload.concerned import concerned


def anonymize(database, options, report):
    """Replace the names of people in the runs and links of some days. Commits step by step.

    The name of the user goes from the columns, paths, arguments and variables of the user's own
    records; other people's names in them stay.
    """
    pseudonyms = Pseudonyms(read_secret(database))
    steps = (("xalt_run", "run_id", change_runs), ("xalt_link", "link_id", change_links))
    for table, id_column, change in steps:
        for day, ids in concerned(database, table, id_column, options):
            step = functools.partial(change, database, ids, pseudonyms)
            in_transaction(database, step)
            report(f"{table}, {day}: {len(ids)} anonymized")


def stored_secret(database):
    """Return the secret of this database, or None when there is none. Read-only."""
    rows = database.rows("SELECT secret FROM xalt_pseudonym WHERE pseudonym_id = 1")
    return bytes(rows[0][0]) if rows else None


def read_secret(database):
    """Return the secret of this database; when there is none, it takes the key of usage_person, or
    makes one. Commits."""
    if not stored_secret(database):
        columns = (("pseudonym_id", INTEGER), ("secret", BYTES))
        secret = usual_key() or secrets.token_bytes(KEY_BYTES)
        database.insert_rows("xalt_pseudonym", columns, [(1, secret)], key=("pseudonym_id",))
    return stored_secret(database)


class Pseudonyms:
    """Pseudonyms of names: the same for the same name, and nobody's without the secret."""

    def __init__(self, secret):
        self._secret = secret

    def of(self, name):
        """Return the pseudonym of a name; a pseudonym is its own."""
        return pseudonym_of(name, self._secret)

    def in_text(self, text, name):
        """Return a text in which a name, where it stands alone, is replaced."""
        if not text or name not in text:
            return text
        return re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", self.of(name), text)

    def in_bytes(self, value, name):
        """Return bytes of text in which a name is replaced."""
        text = bytes(value).decode("utf-8", "surrogateescape")
        return self.in_text(text, name).encode("utf-8", "surrogateescape")


def change_runs(database, run_ids, pseudonyms):
    """Anonymize some runs, inside the caller's transaction."""
    user = database.dialect.quote("user")
    sql = f"SELECT run_id, {user}, exec_path, cwd, cmdline FROM xalt_run WHERE run_id IN ({{}})"  # noqa: S608
    update = (
        f"UPDATE xalt_run SET {user} = ?, exec_path = ?, cwd = ?, cmdline = ?,"  # noqa: S608
        " cluster_id = NULL WHERE run_id = ?"
    )
    name_of = {}
    for run_id, name, exec_path, cwd, cmdline in list(in_parts(database, sql, run_ids)):
        name_of[run_id] = name
        texts = [pseudonyms.in_text(text, name) for text in (exec_path, cwd)]
        line = compressed(pseudonyms.in_text(uncompressed(cmdline), name))
        database.execute(update, (pseudonyms.of(name), *texts, line, run_id))
    change_variables(database, name_of, pseudonyms)
    remove_libraries(database, "run", name_of, pseudonyms)


def change_variables(database, name_of, pseudonyms):
    """Anonymize the variables of some runs ({run_id: name})."""
    sql = "SELECT join_id, run_id, env_value FROM join_run_env WHERE run_id IN ({})"
    update = "UPDATE join_run_env SET env_value = ? WHERE join_id = ?"
    for join_id, run_id, value in list(in_parts(database, sql, sorted(name_of))):
        changed = pseudonyms.in_bytes(value, name_of[run_id])
        if changed != bytes(value):
            database.execute(update, (changed, join_id))


def remove_libraries(database, kind, name_of, pseudonyms):
    """Take libraries away whose paths name the user.

    kind is run or link, name_of maps their ids to names. That such a library is the user's own is
    all that it would tell.
    """
    sql = (
        f"SELECT j.join_id, j.{kind}_id, o.object_path FROM join_{kind}_object j"  # noqa: S608
        f" JOIN xalt_object o ON o.obj_id = j.obj_id WHERE j.{kind}_id IN ({{}})"
    )
    for join_id, row_id, path in list(in_parts(database, sql, sorted(name_of))):
        if pseudonyms.in_text(path, name_of[row_id]) != path:
            database.execute(f"DELETE FROM join_{kind}_object WHERE join_id = ?", (join_id,))  # noqa: S608


def change_links(database, link_ids, pseudonyms):
    """Anonymize some links, inside the caller's transaction."""
    sql = (
        "SELECT link_id, build_user, exec_path, link_path, cwd, link_line FROM xalt_link"
        " WHERE link_id IN ({})"
    )
    update = (
        "UPDATE xalt_link SET build_user = ?, exec_path = ?, link_path = ?, cwd = ?, link_line = ?"
        " WHERE link_id = ?"
    )
    name_of = {}
    for link_id, name, *texts, line in list(in_parts(database, sql, link_ids)):
        name_of[link_id] = name
        changed = [pseudonyms.in_text(text, name) for text in texts]
        line = compressed(pseudonyms.in_text(uncompressed(line), name))
        database.execute(update, (pseudonyms.of(name), *changed, line, link_id))
    remove_libraries(database, "link", name_of, pseudonyms)
